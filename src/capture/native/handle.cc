// The JavaScript face of a capture: { linktype, warning, stats(), fanout(group), pause(), resume(), close() }.

#include "capture.h"
#include "values.h"

namespace spantap {

namespace {

// Marks the objects made here, so that a method called on any other object is refused.
constexpr napi_type_tag kTag = {0x7370616e74617063, 0x6170747572653031};

/// The capture behind `this`, and up to one argument; null after throwing.
Capture* This(napi_env env, napi_callback_info info, napi_value* argument = nullptr) {
  size_t count = 1;
  napi_value first = nullptr;
  napi_value self = nullptr;
  napi_get_cb_info(env, info, &count, &first, &self, nullptr);
  if (argument != nullptr) *argument = first;
  bool ours = false;
  void* capture = nullptr;
  if (napi_check_object_type_tag(env, self, &kTag, &ours) != napi_ok || !ours ||
      napi_unwrap(env, self, &capture) != napi_ok) {
    Throw(env, "EINVAL", "this is no capture handle");
    return nullptr;
  }
  return static_cast<Capture*>(capture);
}

napi_value StatsMethod(napi_env env, napi_callback_info info) {
  Capture* capture = This(env, info);
  return capture == nullptr ? nullptr : capture->Stats();
}

napi_value FanoutMethod(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  Capture* capture = This(env, info, &argument);
  if (capture == nullptr) return nullptr;
  uint32_t group = 0;
  napi_get_value_uint32(env, argument, &group);
  if (capture->closed()) {
    Throw(env, "EINVAL", "the capture is closed");
  } else {
    capture->JoinFanout(static_cast<uint16_t>(group));
  }
  return nullptr;
}

template <void (Capture::*method)()>
napi_value Method(napi_env env, napi_callback_info info) {
  Capture* capture = This(env, info);
  if (capture != nullptr) (capture->*method)();
  return nullptr;
}

void OnCollected(napi_env, void* data, void*) { static_cast<Capture*>(data)->Finalize(); }

}  // namespace

napi_value Open(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value args[4];
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);

  Capture::Settings settings;
  settings.device = Text(env, args[0]);
  settings.filter = Text(env, Property(env, args[1], "filter"));
  settings.snaplen = UintProperty(env, args[1], "snaplen");
  settings.ring_bytes = UintProperty(env, args[1], "ringBytes");
  settings.timeout_ms = UintProperty(env, args[1], "timeoutMs");
  settings.promiscuous = BoolProperty(env, args[1], "promiscuous");
  // libpcap takes these as int; its own bound for a packet is 262144 bytes.
  if (settings.snaplen == 0 || settings.snaplen > 262144 || settings.ring_bytes == 0 ||
      settings.ring_bytes > INT32_MAX || settings.timeout_ms > INT32_MAX) {
    Throw(env, "EINVAL", "snaplen must be 1 to 262144, ringBytes 1 to 2147483647");
    return nullptr;
  }

  napi_value handle;
  napi_create_object(env, &handle);
  Capture* capture = new Capture(env);
  if (!capture->Activate(settings) ||
      !capture->Start(handle, Property(env, args[1], "batch"), args[2], args[3])) {
    capture->Finalize();
    return nullptr;
  }
  napi_wrap(env, handle, capture, OnCollected, nullptr, nullptr);
  napi_type_tag_object(env, handle, &kTag);
  const napi_property_descriptor methods[] = {
      {"stats", nullptr, StatsMethod, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"fanout", nullptr, FanoutMethod, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"pause", nullptr, Method<&Capture::Pause>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"resume", nullptr, Method<&Capture::Resume>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"drain", nullptr, Method<&Capture::Drain>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"close", nullptr, Method<&Capture::Close>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, handle, sizeof methods / sizeof *methods, methods);
  SetNumber(env, handle, "linktype", capture->linktype());
  SetText(env, handle, "warning", capture->warning());
  return handle;
}

}  // namespace spantap
