// From a device name to an active libpcap handle.

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifdef __linux__
#include <linux/if_packet.h>
#endif

#include <cerrno>
#include <cstring>
#include <ctime>

#include "capture.h"
#include "filter.h"
#include "linktype.h"
#include "privilege.h"
#include "values.h"

namespace spantap {

namespace {

const char* CodeOf(int status) {
  switch (status) {
    case PCAP_ERROR_PERM_DENIED: return "EPERM";
    case PCAP_ERROR_PROMISC_PERM_DENIED: return "EPROMISC";
    case PCAP_ERROR_NO_SUCH_DEVICE: return "ENODEV";
    case PCAP_ERROR_IFACE_NOT_UP: return "ENETDOWN";
    default: return "EPCAP";
  }
}

}  // namespace

bool Capture::Activate(const Settings& settings) {
  char words[PCAP_ERRBUF_SIZE] = "";
  device_ = settings.device;
  snaplen_ = settings.snaplen;
  ring_bytes_ = settings.ring_bytes;
  pcap_ = pcap_create(settings.device.c_str(), words);
  if (pcap_ == nullptr) {
    Throw(env_, "EPCAP", words);
    return false;
  }
  pcap_set_snaplen(pcap_, static_cast<int>(settings.snaplen));
  pcap_set_promisc(pcap_, settings.promiscuous ? 1 : 0);
  pcap_set_buffer_size(pcap_, static_cast<int>(settings.ring_bytes));
  // A timeout of 0 would be "wait until a block of the ring is full", which on a quiet link is for ever.
  if (settings.timeout_ms == 0) {
    pcap_set_immediate_mode(pcap_, 1);
  } else {
    pcap_set_timeout(pcap_, static_cast<int>(settings.timeout_ms));
  }
  pcap_set_tstamp_precision(pcap_, PCAP_TSTAMP_PRECISION_NANO);  // refused: microseconds stay

  int status;
  {
    const NetRaw raised;
    status = pcap_activate(pcap_);
  }
  if (status < 0) return ThrowActivationError(status);
  if (status > 0) {
    const char* said = pcap_geterr(pcap_);
    warning_ = status == PCAP_WARNING && said[0] != '\0' ? said : pcap_statustostr(status);
  }
  if (pcap_get_tstamp_precision(pcap_) == PCAP_TSTAMP_PRECISION_NANO) fraction_ns_ = 1;
  PreferCookedV2();
  IgnoreLoopbackEcho();

  std::string error;
  if (!ApplyFilter(pcap_, settings.device, settings.filter, &error)) {
    Throw(env_, "EFILTER", error);
    return false;
  }
  if (pcap_setnonblock(pcap_, 1, words) != 0) {
    Throw(env_, "EPCAP", words);
    return false;
  }
  return true;
}

bool Capture::ThrowActivationError(int status) {
  const char* said = pcap_geterr(pcap_);
  std::string message = pcap_statustostr(status);
  if (status == PCAP_ERROR && said[0] != '\0') {
    message = said;
  } else if (said[0] != '\0' && message != said) {
    message += std::string(" (") + said + ")";
  }
  Throw(env_, CodeOf(status), message);
  return false;
}

// Cooked captures (`any`) come in two versions; the second also says which interface a packet passed.
void Capture::PreferCookedV2() {
#ifdef DLT_LINUX_SLL2
  if (pcap_datalink(pcap_) != DLT_LINUX_SLL) return;
  int* offered = nullptr;
  const int count = pcap_list_datalinks(pcap_, &offered);
  for (int i = 0; i < count; i++) {
    if (offered[i] == DLT_LINUX_SLL2) pcap_set_datalink(pcap_, DLT_LINUX_SLL2);
  }
  if (count >= 0) pcap_free_datalinks(offered);
#endif
}

// Every packet on the loopback interface passes a tap twice, going out and coming in. libpcap throws the first away,
// but only after the kernel has copied it: told so, the kernel does not, and the ring holds twice as much.
void Capture::IgnoreLoopbackEcho() {
#ifdef PACKET_IGNORE_OUTGOING
  const int fd = pcap_fileno(pcap_);
  ifreq request;
  std::memset(&request, 0, sizeof request);
  device_.copy(request.ifr_name, sizeof request.ifr_name - 1);
  if (ioctl(fd, SIOCGIFFLAGS, &request) != 0 || (request.ifr_flags & IFF_LOOPBACK) == 0) return;
  const int on = 1;
  setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
#endif
}

// The kernel hashes addresses and ports of both directions alike, so a conversation stays with one member; fragments are
// put together first (DEFRAG), for only the first one has ports. The ring may hold packets from before the joining,
// which the older members have had: they are left out by their time stamps.
bool Capture::JoinFanout(uint16_t group) {
#ifdef PACKET_FANOUT
  const int argument = group | ((PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG) << 16);
  if (setsockopt(pcap_fileno(pcap_), SOL_PACKET, PACKET_FANOUT, &argument, sizeof argument) != 0) {
    Throw(env_, "EFANOUT", std::string("PACKET_FANOUT: ") + std::strerror(errno));
    return false;
  }
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  not_before_ns_ = static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
  return true;
#else
  (void)group;
  Throw(env_, "EFANOUT", "PACKET_FANOUT is a facility of Linux");
  return false;
#endif
}

int Capture::linktype() const { return LinktypeOf(pcap_datalink(pcap_)); }

}  // namespace spantap
