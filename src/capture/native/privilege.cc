// Capability sets of the calling thread, by the system calls themselves: libcap would be one more library to need.

#include "privilege.h"

#ifdef __linux__
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace spantap {

#ifdef __linux__

namespace {

constexpr __u32 kNetRaw = CAP_TO_MASK(CAP_NET_RAW);

/// Makes CAP_NET_RAW effective, or no longer so. True if that changed something.
bool SetEffective(bool on) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};  // 0: this thread
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  __user_cap_data_struct& low = sets[CAP_TO_INDEX(CAP_NET_RAW)];
  const bool is_on = (low.effective & kNetRaw) != 0;
  if (is_on == on || (low.permitted & kNetRaw) == 0) return false;
  low.effective ^= kNetRaw;
  return syscall(SYS_capset, &header, sets) == 0;
}

}  // namespace

NetRaw::NetRaw() : raised_(SetEffective(true)) {}

NetRaw::~NetRaw() {
  if (raised_) SetEffective(false);
}

#else

NetRaw::NetRaw() {}
NetRaw::~NetRaw() {}

#endif

}  // namespace spantap
