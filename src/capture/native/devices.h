#ifndef SPANTAP_DEVICES_H_
#define SPANTAP_DEVICES_H_

#include <node_api.h>

namespace spantap {

/// JavaScript: devices(): { name, description, addresses, up, loopback }[].
napi_value Devices(napi_env env, napi_callback_info info);

}  // namespace spantap

#endif  // SPANTAP_DEVICES_H_
