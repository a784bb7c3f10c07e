#include "linktype.h"

#include <pcap/pcap.h>

namespace spantap {

// DLT_ numbers differ between systems, LINKTYPE_ numbers do not. They are equal but for these old ones.
int LinktypeOf(int dlt) {
  switch (dlt) {
    case DLT_ATM_RFC1483: return 100;
    case DLT_RAW: return 101;
    case DLT_SLIP_BSDOS: return 102;
    case DLT_PPP_BSDOS: return 103;
    case DLT_ATM_CLIP: return 106;
    case DLT_LOOP: return 108;
    case DLT_ENC: return 109;
    default: return dlt;
  }
}

}  // namespace spantap
