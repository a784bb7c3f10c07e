#ifndef SPANTAP_PRIVILEGE_H_
#define SPANTAP_PRIVILEGE_H_

namespace spantap {

/**
 * While it lives, CAP_NET_RAW is effective in this thread, if the process was permitted to use it.
 *
 * A file capability with the effective bit (cap_net_raw=ep) makes a program that cannot even start where the capability is not
 * granted. Without the bit (cap_net_raw=p) it starts everywhere, and has to take up what it may use by itself, here: only for
 * the moment in which the socket is opened (capabilities(7), "Thread capability sets").
 */
class NetRaw {
 public:
  NetRaw();
  ~NetRaw();
  NetRaw(const NetRaw&) = delete;
  NetRaw& operator=(const NetRaw&) = delete;

 private:
  bool raised_ = false;
};

}  // namespace spantap

#endif  // SPANTAP_PRIVILEGE_H_
