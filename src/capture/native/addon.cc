// The libpcap addon: batches of packets with kernel time stamps, for any number of threads. Nothing here is global:
// every environment (main thread, worker) that loads it has its own handles, on its own event loop.

#include <node_api.h>
#include <pcap/pcap.h>

#include "capture.h"
#include "devices.h"
#include "filter.h"
#include "values.h"

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"open", nullptr, spantap::Open, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"devices", nullptr, spantap::Devices, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"checkFilter", nullptr, spantap::CheckFilter, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  spantap::SetText(env, exports, "version", pcap_lib_version());
  return exports;
}
