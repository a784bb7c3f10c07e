#include "filter.h"

#include "values.h"

namespace spantap {

namespace {

constexpr int kOptimize = 1;

}  // namespace

bool ApplyFilter(pcap_t* pcap, const std::string& device, const std::string& expression, std::string* error) {
  if (expression.empty()) return true;
  // The netmask serves `ip broadcast` alone; an interface without an IPv4 address has none.
  char words[PCAP_ERRBUF_SIZE];
  bpf_u_int32 network = 0;
  bpf_u_int32 netmask = 0;
  if (pcap_lookupnet(device.c_str(), &network, &netmask, words) != 0) netmask = PCAP_NETMASK_UNKNOWN;
  bpf_program program;
  if (pcap_compile(pcap, &program, expression.c_str(), kOptimize, netmask) != 0) {
    *error = pcap_geterr(pcap);
    return false;
  }
  const bool set = pcap_setfilter(pcap, &program) == 0;
  if (!set) *error = pcap_geterr(pcap);
  pcap_freecode(&program);
  return set;
}

napi_value CheckFilter(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value args[2];
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  const std::string expression = Text(env, args[0]);
  uint32_t snaplen = 0;
  napi_get_value_uint32(env, args[1], &snaplen);
  pcap_t* pcap = pcap_open_dead(DLT_EN10MB, static_cast<int>(snaplen));
  if (pcap == nullptr) return Undefined(env);
  napi_value answer = Undefined(env);
  bpf_program program;
  if (pcap_compile(pcap, &program, expression.c_str(), kOptimize, PCAP_NETMASK_UNKNOWN) != 0) {
    napi_create_string_utf8(env, pcap_geterr(pcap), NAPI_AUTO_LENGTH, &answer);
  } else {
    pcap_freecode(&program);
  }
  pcap_close(pcap);
  return answer;
}

}  // namespace spantap
