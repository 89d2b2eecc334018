#include "bench/sfu/janus.hpp"

#include <boost/json.hpp>

namespace roomgate::bench::janus {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kNoSuchRoom = 426;
constexpr std::uint64_t kRoomExists = 427;
constexpr std::uint64_t kNoSuchFeed = 428;
constexpr Duration kAskAgain = milliseconds(100);
constexpr Duration kGiveUp = seconds(20);

const json::object& object_at(const json::object& in, std::string_view name) {
  static const json::object nothing;
  const json::value* value = in.if_contains(name);
  return value != nullptr && value->is_object() ? value->get_object() : nothing;
}

std::string_view text_at(const json::object& in, std::string_view name) {
  const json::value* value = in.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::uint64_t number_at(const json::object& in, std::string_view name) {
  const json::value* value = in.if_contains(name);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

std::optional<json::object> parse(std::string_view body) {
  json::error_code error;
  json::value value = json::parse(body, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

}  // namespace

JanusConversation::JanusConversation(Options options) : options_(std::move(options)) {}

std::optional<JanusConversation::Request> JanusConversation::next_request(TimePoint now) {
  if (started_ == TimePoint::max()) started_ = now;
  if (waiting_ || now < again_) return std::nullopt;
  if (!ready() && !failed() && now - started_ > kGiveUp) fail_with("Janus took too long");
  const std::string handle = "/" + std::to_string(session_) + "/" + std::to_string(handle_);
  const auto message = [&](json::object body, std::optional<std::string> type_of_sdp, Step next,
                           SdpRole role) {
    json::object out{{"janus", "message"}, {"body", std::move(body)}};
    if (type_of_sdp) out["jsep"] = {{"type", *type_of_sdp}, {"sdp", write_sdp(options_.own, role)}};
    return request(handle, json::serialize(out), next);
  };
  switch (step_) {
    case Step::session: return request("", R"({"janus":"create"})", Step::session);
    case Step::handle:
      return request("/" + std::to_string(session_),
                     R"({"janus":"attach","plugin":"janus.plugin.videoroom"})", Step::handle);
    case Step::room:
      return message({{"request", "create"},
                      {"room", options_.room},
                      {"publishers", options_.publishers},
                      {"videocodec", "vp8"},
                      {"notify_joining", false}},
                     std::nullopt, Step::room, SdpRole::offer_to_send);
    case Step::join: {
      json::object body{{"request", "join"}, {"room", options_.room}};
      body["ptype"] = options_.publishes ? "publisher" : "subscriber";
      if (options_.publishes && options_.feed != 0) body["id"] = options_.feed;
      if (!options_.publishes) body["streams"] = json::array{json::object{{"feed", options_.feed}}};
      return message(std::move(body), std::nullopt, Step::joining, SdpRole::offer_to_send);
    }
    case Step::publish:
      return message({{"request", "publish"}}, "offer", Step::publishing, SdpRole::offer_to_send);
    case Step::start:
      return message({{"request", "start"}}, "answer", Step::starting, SdpRole::answer_to_receive);
    case Step::joining:
    case Step::publishing:
    case Step::starting:
    case Step::ready:
    case Step::failed: return std::nullopt;
  }
  return std::nullopt;
}

JanusConversation::Request JanusConversation::request(std::string path, std::string body, Step next) {
  waiting_ = true;
  step_ = next;
  body.insert(body.size() - 1, R"(,"transaction":")" + std::to_string(++transaction_) + "\"");
  return {std::move(path), std::move(body)};
}

void JanusConversation::on_answer(std::string_view body, TimePoint now) {
  waiting_ = false;
  const auto answer = parse(body);
  if (!answer) return fail_with("Janus answered no JSON");
  const std::string_view kind = text_at(*answer, "janus");
  if (kind == "error") return fail_with(std::string(text_at(object_at(*answer, "error"), "reason")));
  if (kind == "ack") return;  // what it is about comes as an event
  if (kind != "success") return fail_with("Janus answered neither success nor error");
  switch (step_) {
    case Step::session:
      session_ = number_at(object_at(*answer, "data"), "id");
      step_ = Step::handle;
      if (session_ == 0) fail_with("a session without an id");
      return;
    case Step::handle:
      handle_ = number_at(object_at(*answer, "data"), "id");
      step_ = options_.publishes ? Step::room : Step::join;
      if (handle_ == 0) fail_with("a handle without an id");
      return;
    case Step::room: {
      const json::object& data = object_at(object_at(*answer, "plugindata"), "data");
      const std::uint64_t code = number_at(data, "error_code");
      if (code != 0 && code != kRoomExists) return fail_with(std::string(text_at(data, "error")));
      step_ = Step::join;
      again_ = now;
      return;
    }
    default: return;
  }
}

std::string JanusConversation::poll_path() const {
  return session_ == 0 || failed() ? std::string() : "/" + std::to_string(session_) + "?maxev=1";
}

void JanusConversation::on_event(std::string_view body, TimePoint now) {
  if (failed()) return;
  const auto event = parse(body);
  if (!event) return fail_with("an event that is no JSON");
  const std::string_view kind = text_at(*event, "janus");
  if (kind == "webrtcup") connected_ = true;
  if (kind == "hangup" || kind == "timeout")
    return fail_with("Janus hung up: " + std::string(text_at(*event, "reason")));
  if (kind != "event") return;  // keepalive, media, slowlink and what else there may be
  const json::object& data = object_at(object_at(*event, "plugindata"), "data");
  if (const std::uint64_t code = number_at(data, "error_code"); code != 0) {
    const bool early = !options_.publishes && (code == kNoSuchFeed || code == kNoSuchRoom);
    if (!early || step_ != Step::joining) return fail_with(std::string(text_at(data, "error")));
    step_ = Step::join;
    again_ = now + kAskAgain;
    return;
  }
  const std::string_view what = text_at(data, "videoroom");
  const std::string_view sdp = text_at(object_at(*event, "jsep"), "sdp");
  if (step_ == Step::joining && what == "joined") return on_joined(number_at(data, "id"));
  if (step_ == Step::joining && what == "attached" && take_remote(sdp)) {
    // The answer speaks of the streams as the offer numbers them.
    options_.own.mid = remote_->mid;
    options_.own.vp8 = remote_->vp8;
    options_.own.rtx = remote_->rtx;
    options_.own.transport_sequence_id = remote_->transport_sequence_id;
    step_ = Step::start;
  } else if (step_ == Step::publishing && text_at(data, "configured") == "ok" && take_remote(sdp)) {
    step_ = Step::ready;
  } else if (step_ == Step::starting && text_at(data, "started") == "ok") {
    step_ = Step::ready;
  }
}

void JanusConversation::on_joined(std::uint64_t feed) {
  feed_ = feed;
  step_ = Step::publish;
  if (feed == 0) fail_with("a publisher without an id");
}

bool JanusConversation::take_remote(std::string_view sdp) {
  auto media = read_sdp(sdp);
  if (!media) {
    fail_with(media.error());
    return false;
  }
  remote_ = std::move(*media);
  return true;
}

JanusConversation::Request JanusConversation::leave() {
  return {"/" + std::to_string(session_),
          R"({"janus":"destroy","transaction":")" + std::to_string(++transaction_) + "\"}"};
}

void JanusConversation::fail_with(std::string why) {
  if (failed()) return;
  step_ = Step::failed;
  problem_ = why.empty() ? "Janus gives no reason" : std::move(why);
}

}  // namespace roomgate::bench::janus
