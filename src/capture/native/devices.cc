#include "devices.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pcap/pcap.h>

#include "values.h"

namespace spantap {

namespace {

/// IPv4 and IPv6 addresses as text; hardware addresses are left out.
napi_value Addresses(napi_env env, const pcap_addr_t* first) {
  napi_value list;
  napi_create_array(env, &list);
  uint32_t index = 0;
  for (const pcap_addr_t* entry = first; entry != nullptr; entry = entry->next) {
    if (entry->addr == nullptr) continue;
    const int family = entry->addr->sa_family;
    const void* address = nullptr;
    if (family == AF_INET) address = &reinterpret_cast<const sockaddr_in*>(entry->addr)->sin_addr;
    if (family == AF_INET6) address = &reinterpret_cast<const sockaddr_in6*>(entry->addr)->sin6_addr;
    char text[INET6_ADDRSTRLEN];
    if (address == nullptr || inet_ntop(family, address, text, sizeof text) == nullptr) continue;
    napi_value value;
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
    napi_set_element(env, list, index++, value);
  }
  return list;
}

}  // namespace

napi_value Devices(napi_env env, napi_callback_info) {
  char words[PCAP_ERRBUF_SIZE];
  pcap_if_t* first = nullptr;
  if (pcap_findalldevs(&first, words) != 0) {
    Throw(env, "EPCAP", words);
    return nullptr;
  }
  napi_value list;
  napi_create_array(env, &list);
  uint32_t index = 0;
  for (const pcap_if_t* device = first; device != nullptr; device = device->next) {
    napi_value entry;
    napi_create_object(env, &entry);
    SetText(env, entry, "name", device->name);
    SetText(env, entry, "description", device->description == nullptr ? "" : device->description);
    napi_set_named_property(env, entry, "addresses", Addresses(env, device->addresses));
    SetBool(env, entry, "up", (device->flags & PCAP_IF_UP) != 0);
    SetBool(env, entry, "loopback", (device->flags & PCAP_IF_LOOPBACK) != 0);
    napi_set_element(env, list, index++, entry);
  }
  pcap_freealldevs(first);
  return list;
}

}  // namespace spantap
