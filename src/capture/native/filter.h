#ifndef SPANTAP_FILTER_H_
#define SPANTAP_FILTER_H_

#include <node_api.h>
#include <pcap/pcap.h>

#include <string>

namespace spantap {

/// Compiles `expression` for an open handle and puts it to work. False: `error` has libpcap's words.
bool ApplyFilter(pcap_t* pcap, const std::string& device, const std::string& expression, std::string* error);

/// JavaScript: checkFilter(expression, snaplen): undefined, or what libpcap has against it. Opens no device.
napi_value CheckFilter(napi_env env, napi_callback_info info);

}  // namespace spantap

#endif  // SPANTAP_FILTER_H_
