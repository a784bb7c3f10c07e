{
  'targets': [
    {
      'target_name': 'pcap',
      'sources': ['activate.cc', 'addon.cc', 'capture.cc', 'devices.cc', 'filter.cc', 'handle.cc', 'linktype.cc', 'privilege.cc'],
      'defines': ['NAPI_VERSION=8'],
      'cflags_cc': ['-std=c++17', '-Wall', '-Wextra', '-Wno-missing-field-initializers', '-fvisibility=hidden'],
      'link_settings': {'libraries': ['-lpcap']},
    },
  ],
}
