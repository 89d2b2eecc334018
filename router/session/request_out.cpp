// The request's way to the shard: its head, and its body, which may still be on its way while the answer is
// awaited.

#include "router/http/rewrite.hpp"
#include "router/session/exchange.hpp"

namespace roomgate::router::session {

using http::Reason;
using net::Task;

Task<Exchange::Fault> Exchange::send_request() {
  Scratch& x = *scratch_;
  const http::RequestHead& head = *head_;
  x.out.clear();
  http::write_request_head(head,
                           {.path = facts_.path,
                            .client_ip = connection_.peer.ip,
                            .https = facts_.https,
                            .forwarded_ip = facts_.client_ip,
                            .forwarded_host = facts_.forwarded_host,
                            .request_id = facts_.request_id,
                            .region = facts_.region,
                            .region_header = settings_->locator->header(),
                            .client_subject = connection_.peer.certificate_subject,
                            .framing = facts_.framing,
                            .websocket = facts_.upgrade.kind == http::UpgradeDecision::Kind::websocket},
                           x.out);
  const bool has_body = facts_.framing.kind != http::Framing::Kind::none;
  // RFC 9110 10.1.1: the shard decides whether it wants the body; its 100 or its refusal goes back to the
  // client.
  if (has_body && head.expects_continue) x.out.insert(x.out.size() - 2, "Expect: 100-continue\r\n");
  RelayLimits limits{.read_silence = settings_->timeouts.client,
                     .write_stall = settings_->timeouts.server,
                     .max_bytes = settings_->limits.max_body_bytes,
                     .min_bytes_per_second = settings_->limits.min_body_bytes_per_second,
                     .min_rate_after = settings_->limits.min_rate_after};
  Relay relay(requester_.channel(), *upstream_->stream, requester_.body_on_channel(facts_.framing),
              facts_.framing, limits);
  body_touched_ = has_body;
  const ByteSpan first = has_body ? requester_.early_body() : ByteSpan();
  const auto end = co_await relay.start(as_bytes(x.out), first);
  requester_.take_early(relay.consumed());
  facts_.bytes_in = relay.bytes();
  facts_.sent = worker_.core.now();
  if (!end) {
    if (relay.may_overshoot()) relay.keep_reads_small();
    start_upload(std::move(relay));
    co_return Fault::none;
  }
  if (is_client_fault(*end)) {
    client_fault_ = client_reason(*end);
    co_return Fault::client;
  }
  // A shard that closed early may have said why: look for its answer before calling it broken.
  request_sent_ = *end == RelayEnd::complete;
  co_return Fault::none;
}

bool Exchange::is_client_fault(RelayEnd end) {
  switch (end) {
    case RelayEnd::source_ended:
    case RelayEnd::source_broke:
    case RelayEnd::source_silent:
    case RelayEnd::source_bad:
    case RelayEnd::too_large: return true;
    case RelayEnd::complete:
    case RelayEnd::sink_broke:
    case RelayEnd::sink_silent: break;
  }
  return false;
}

Reason Exchange::client_reason(RelayEnd end) {
  switch (end) {
    case RelayEnd::source_bad: return Reason::bad_framing;
    case RelayEnd::source_silent: return Reason::body_timeout;
    case RelayEnd::too_large: return Reason::body_too_large;
    case RelayEnd::source_ended:
    case RelayEnd::source_broke:
    case RelayEnd::complete:
    case RelayEnd::sink_broke:
    case RelayEnd::sink_silent: break;
  }
  return Reason::none;
}

void Exchange::start_upload(Relay relay) {
  upload_ = std::make_shared<Upload>(worker_.core, std::move(relay));
  worker_.core.spawn(run_upload(upload_));
}

// stop_upload() waits for its end: the exchange is there as long as this runs.
Task<void> Exchange::run_upload(std::shared_ptr<Upload> upload) {
  const RelayEnd end = co_await upload->relay.run();
  upload->end = end;
  upload->finished.set();
  if (upload->abandoned) co_return;
  facts_.sent = worker_.core.now();
  facts_.bytes_in = upload->relay.bytes();
  if (end == RelayEnd::complete) {
    request_sent_ = true;
    requester_.keep_rest(upload->relay.take_rest());
  }
  // Whoever waits for the shard's answer to a request that will never be whole need not wait longer.
  if (is_client_fault(end) && upstream_ != nullptr) upstream_->stream->cancel_read();
}

Task<void> Exchange::stop_upload() {
  if (upload_ == nullptr || upload_->end) co_return;
  upload_->abandoned = true;
  requester_.channel().cancel_read();
  if (upstream_ != nullptr) upstream_->stream->interrupt();
  (void)co_await upload_->finished.wait(TimePoint::max());
}

}  // namespace roomgate::router::session
