#ifndef SPANTAP_CAPTURE_H_
#define SPANTAP_CAPTURE_H_

#include <node_api.h>
#include <pcap/pcap.h>
#include <uv.h>

#include <cstdint>
#include <string>

namespace spantap {

/// JavaScript: open(device, { filter, snaplen, promiscuous, ringBytes, timeoutMs, batch }, onBatch, onError): Handle.
napi_value Open(napi_env env, napi_callback_info info);

/// One open interface: a libpcap handle polled by the event loop of the environment that opened it.
class Capture {
 public:
  struct Settings {
    std::string device;
    std::string filter;
    uint32_t snaplen;
    uint32_t ring_bytes;
    uint32_t timeout_ms;
    bool promiscuous;
  };

  explicit Capture(napi_env env) : env_(env) {}

  /// False: a JavaScript error has been thrown and the object is to be deleted.
  bool Activate(const Settings& settings);
  /// Takes hold of the JavaScript side and starts to poll. False as above.
  bool Start(napi_value self, napi_value batch, napi_value on_batch, napi_value on_error);

  void Pause();
  void Resume();
  /// Delivers what the ring holds at the moment, in one go.
  void Drain();
  void Close();
  /// Joins a PACKET_FANOUT group. False: an error has been thrown.
  bool JoinFanout(uint16_t group);
  napi_value Stats();
  int linktype() const;
  bool closed() const { return closed_; }
  const std::string& warning() const { return warning_; }

  /// The wrapper was collected, or its environment ends.
  void Finalize();

 private:
  static void OnPacket(u_char* user, const pcap_pkthdr* header, const u_char* bytes);
  static void OnReadable(uv_poll_t* poll, int status, int events);
  static void OnRetry(uv_timer_t* timer);
  static void OnHandleClosed(uv_handle_t* handle);
  static void OnEnvironmentEnds(napi_async_cleanup_hook_handle hook, void* data);

  void Poll();
  void Count();
  void Read();
  void Deliver();
  void Fail(int status);
  void Call(napi_ref function, size_t count, napi_value* args);
  void Release(napi_ref* reference);
  void PreferCookedV2();
  void IgnoreLoopbackEcho();
  bool ThrowActivationError(int status);

  napi_env env_;
  pcap_t* pcap_ = nullptr;
  std::string device_;
  std::string warning_;
  uint32_t snaplen_ = 0;
  uint32_t ring_bytes_ = 0;
  /// What the fraction of libpcap's time stamps is multiplied with to be nanoseconds.
  uint32_t fraction_ns_ = 1000;
  /// Packets older than this were shared out before this handle joined its fanout group; 0: take all.
  uint64_t not_before_ns_ = 0;

  /// The batch under way: `batch_[0, used_)` holds `count_` packets. The memory belongs to a JavaScript buffer.
  uint8_t* batch_ = nullptr;
  size_t capacity_ = 0;
  size_t used_ = 0;
  uint32_t count_ = 0;
  /// JavaScript is reading the batch.
  bool delivering_ = false;

  uv_poll_t poll_;
  uv_timer_t retry_;
  int uv_handles_ = 0;
  bool paused_ = false;
  bool closed_ = false;
  bool finalized_ = false;

  /// libpcap counts in 32 bits; these are the sums of the differences between two looks.
  uint32_t last_received_ = 0;
  uint32_t last_dropped_ = 0;
  uint32_t last_interface_dropped_ = 0;
  double received_ = 0;
  double dropped_ = 0;
  double interface_dropped_ = 0;

  napi_ref self_ = nullptr;
  napi_ref batch_reference_ = nullptr;
  napi_ref on_batch_ = nullptr;
  napi_ref on_error_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

}  // namespace spantap

#endif  // SPANTAP_CAPTURE_H_
