// Reading and closing. Packets are copied into one reused batch and handed to JavaScript with one call per batch:
//
//   [seconds u32][nanoseconds u32][captured length u32][length on the wire u32][bytes, padded to a multiple of 4]
//
// in host byte order, `count` times.

#include "capture.h"

#include <algorithm>
#include <cstring>

#include "values.h"

namespace spantap {

namespace {

constexpr size_t kHeaderBytes = 16;

// Batches read for one wake-up of the event loop. With the usual batch of 1 MiB that is 4 MiB, some milliseconds of
// decoding, before timers and exports have their turn; the ring keeps what is left, and the loop comes back at once.
constexpr int kRoundsPerWakeUp = 4;

// How often to look whether an interface that went down is back or gone for good: the kernel reports the going down
// once, and the removal that may follow not at all.
constexpr uint64_t kRetryMs = 100;

constexpr size_t Padded(size_t bytes) { return (bytes + 3) & ~static_cast<size_t>(3); }

}  // namespace

bool Capture::Start(napi_value self, napi_value batch, napi_value on_batch, napi_value on_error) {
  void* data = nullptr;
  if (napi_get_buffer_info(env_, batch, &data, &capacity_) != napi_ok ||
      capacity_ < 2 * (kHeaderBytes + Padded(snaplen_)) || reinterpret_cast<uintptr_t>(data) % 4 != 0) {
    Throw(env_, "EINVAL", "the batch must be an aligned buffer with room for two packets of snaplen bytes");
    return false;
  }
  batch_ = static_cast<uint8_t*>(data);

  uv_loop_t* loop = nullptr;
  const int fd = pcap_get_selectable_fd(pcap_);
  if (fd < 0 || napi_get_uv_event_loop(env_, &loop) != napi_ok || uv_poll_init(loop, &poll_, fd) != 0) {
    Throw(env_, "EPCAP", "the interface cannot be polled");
    return false;
  }
  uv_timer_init(loop, &retry_);
  poll_.data = this;
  retry_.data = this;
  uv_handles_ = 2;

  // While it captures, the wrapper must not be collected, nor what it calls.
  napi_create_reference(env_, self, 1, &self_);
  napi_create_reference(env_, batch, 1, &batch_reference_);
  napi_create_reference(env_, on_batch, 1, &on_batch_);
  napi_create_reference(env_, on_error, 1, &on_error_);
  napi_add_async_cleanup_hook(env_, OnEnvironmentEnds, this, &hook_);
  Poll();
  return true;
}

void Capture::Poll() { uv_poll_start(&poll_, UV_READABLE, OnReadable); }

void Capture::OnPacket(u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
  Capture* capture = reinterpret_cast<Capture*>(user);
  const uint32_t captured = std::min<uint32_t>(header->caplen, capture->snaplen_);
  const uint32_t nanoseconds = static_cast<uint32_t>(header->ts.tv_usec) * capture->fraction_ns_;
  if (capture->not_before_ns_ != 0 &&
      static_cast<uint64_t>(header->ts.tv_sec) * 1000000000u + nanoseconds < capture->not_before_ns_) {
    return;
  }
  if (capture->capacity_ - capture->used_ < kHeaderBytes + Padded(captured)) {
    capture->dropped_++;  // libpcap went on after pcap_breakloop
    return;
  }
  uint8_t* record = capture->batch_ + capture->used_;
  const uint32_t head[4] = {static_cast<uint32_t>(header->ts.tv_sec), nanoseconds, captured, header->len};
  std::memcpy(record, head, kHeaderBytes);
  std::memcpy(record + kHeaderBytes, bytes, captured);
  capture->used_ += kHeaderBytes + Padded(captured);
  capture->count_++;
  // Stop while the largest packet still fits; the next one stays in the ring for the next batch.
  if (capture->capacity_ - capture->used_ < kHeaderBytes + Padded(capture->snaplen_)) pcap_breakloop(capture->pcap_);
}

void Capture::OnReadable(uv_poll_t* poll, int status, int) {
  Capture* capture = static_cast<Capture*>(poll->data);
  capture->Read();
  // An error on the socket (the interface went down) stops the poll. libpcap has now taken note of it, and has said so
  // if the interface is gone; if it is only down, wait for it.
  if (status < 0 && !capture->closed_) uv_timer_start(&capture->retry_, OnRetry, kRetryMs, 0);
}

void Capture::OnRetry(uv_timer_t* timer) {
  Capture* capture = static_cast<Capture*>(timer->data);
  if (capture->paused_) return;
  capture->Read();
  if (capture->closed_ || capture->paused_) return;
  capture->Poll();
  // libpcap asks to be called by the clock for as long as the interface is down.
  if (pcap_get_required_select_timeout(capture->pcap_) != nullptr) uv_timer_start(timer, OnRetry, kRetryMs, 0);
}

void Capture::Read() {
  for (int round = 0; round < kRoundsPerWakeUp; round++) {
    used_ = 0;
    count_ = 0;
    const int status = pcap_dispatch(pcap_, -1, OnPacket, reinterpret_cast<u_char*>(this));
    if (count_ > 0) Deliver();
    if (closed_ || paused_) return;
    if (status == PCAP_ERROR_BREAK) continue;  // the batch was full
    if (status < 0) Fail(status);
    return;
  }
}

void Capture::Drain() {
  if (closed_ || paused_ || delivering_) return;
  // Not more than the ring can have held: others may go on sending.
  for (size_t bytes = 0; bytes < ring_bytes_; bytes += used_) {
    used_ = 0;
    count_ = 0;
    const int status = pcap_dispatch(pcap_, -1, OnPacket, reinterpret_cast<u_char*>(this));
    if (count_ > 0) Deliver();
    if (closed_ || paused_ || (status <= 0 && status != PCAP_ERROR_BREAK)) return;
  }
}

void Capture::Deliver() {
  napi_handle_scope scope;
  napi_open_handle_scope(env_, &scope);
  napi_value args[2];
  napi_create_uint32(env_, count_, &args[0]);
  napi_create_uint32(env_, static_cast<uint32_t>(used_), &args[1]);
  delivering_ = true;
  Call(on_batch_, 2, args);
  delivering_ = false;
  napi_close_handle_scope(env_, scope);
}

void Capture::Fail(int status) {
  const char* said = pcap_geterr(pcap_);
  const std::string words = said[0] != '\0' ? said : pcap_statustostr(status);
  napi_handle_scope scope;
  napi_open_handle_scope(env_, &scope);
  napi_value arg;
  napi_create_string_utf8(env_, words.data(), words.size(), &arg);
  // Stop before the call, so that nobody can be told twice; close after it, for the callback is held until then.
  Pause();
  Call(on_error_, 1, &arg);
  Close();
  napi_close_handle_scope(env_, scope);
}

void Capture::Call(napi_ref function, size_t count, napi_value* args) {
  napi_value callee = nullptr;
  napi_value global = nullptr;
  napi_get_reference_value(env_, function, &callee);
  napi_get_global(env_, &global);
  if (napi_make_callback(env_, nullptr, global, callee, count, args, nullptr) != napi_pending_exception) return;
  // A callback that throws is a defect of ours: let it be seen as an uncaught exception.
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) napi_fatal_exception(env_, error);
}

void Capture::Pause() {
  if (closed_ || paused_) return;
  paused_ = true;
  uv_poll_stop(&poll_);
  uv_timer_stop(&retry_);
}

void Capture::Resume() {
  if (closed_ || !paused_) return;
  paused_ = false;
  // By way of the timer: it also takes up the waiting for an interface that is down.
  uv_timer_start(&retry_, OnRetry, 0, 0);
}

void Capture::Close() {
  if (closed_) return;
  closed_ = true;
  Count();  // the last figures outlive the handle
  // uv_close takes the descriptor out of the loop at once, so libpcap may close it now.
  if (uv_handles_ > 0) {
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnHandleClosed);
    uv_close(reinterpret_cast<uv_handle_t*>(&retry_), OnHandleClosed);
  }
  if (pcap_ != nullptr) pcap_close(pcap_);
  pcap_ = nullptr;
  Release(&on_batch_);
  Release(&on_error_);
  Release(&batch_reference_);
  Release(&self_);
}

void Capture::Release(napi_ref* reference) {
  if (*reference != nullptr) napi_delete_reference(env_, *reference);
  *reference = nullptr;
}

void Capture::OnHandleClosed(uv_handle_t* handle) {
  Capture* capture = static_cast<Capture*>(handle->data);
  if (--capture->uv_handles_ > 0) return;
  if (capture->hook_ != nullptr) napi_remove_async_cleanup_hook(capture->hook_);
  capture->hook_ = nullptr;
  if (capture->finalized_) delete capture;
}

// A worker that is terminated leaves its handles open: its loop may not end before they are closed.
void Capture::OnEnvironmentEnds(napi_async_cleanup_hook_handle, void* data) { static_cast<Capture*>(data)->Close(); }

void Capture::Finalize() {
  finalized_ = true;
  Close();
  if (uv_handles_ == 0) delete this;
}

void Capture::Count() {
  pcap_stat now;
  if (pcap_ == nullptr || pcap_stats(pcap_, &now) != 0) return;
  received_ += static_cast<uint32_t>(now.ps_recv - last_received_);
  dropped_ += static_cast<uint32_t>(now.ps_drop - last_dropped_);
  interface_dropped_ += static_cast<uint32_t>(now.ps_ifdrop - last_interface_dropped_);
  last_received_ = now.ps_recv;
  last_dropped_ = now.ps_drop;
  last_interface_dropped_ = now.ps_ifdrop;
}

napi_value Capture::Stats() {
  Count();
  napi_value stats;
  napi_create_object(env_, &stats);
  SetNumber(env_, stats, "received", received_);
  SetNumber(env_, stats, "dropped", dropped_);
  SetNumber(env_, stats, "interfaceDropped", interface_dropped_);
  return stats;
}

}  // namespace spantap
