#ifndef SPANTAP_LINKTYPE_H_
#define SPANTAP_LINKTYPE_H_

namespace spantap {

/// The LINKTYPE_ number (tcpdump.org/linktypes.html) of a DLT_ number as pcap_datalink gives it.
int LinktypeOf(int dlt);

}  // namespace spantap

#endif  // SPANTAP_LINKTYPE_H_
