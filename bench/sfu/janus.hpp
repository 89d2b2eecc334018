// The signalling of one participant of a Janus VideoRoom over Janus' HTTP interface, so that the load test
// speaks to Janus as it does to a shard. Sans-I/O: it says which request to make next and is told what was
// answered; who calls makes them, keeps one long poll open beside them, and tells the time. One per
// participant. (Not namespace sfu, as the folder is: that would hide the sfu whose modules roomload links.)
//
//   start: session, handle, room (it may be there), then
//   publisher   join -> its feed known -> publish with our offer -> answer   -> ready
//   subscriber  join with the feed     -> offer -> our answer with `start`   -> ready
//   An error, or an answer that fits nowhere -> failed.
//
// A room is there once its first publisher made it, and a feed can be subscribed to only once its publisher's
// DTLS is done: until then Janus says there is none, and a subscriber asks again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace roomgate::bench::janus {

// One side's transport and its one video stream, as SDP carries them.
struct SdpMedia {
  std::string ufrag;
  std::string pwd;
  std::string fingerprint;  // sha-256, upper-case hex with colons
  std::string mid = "0";
  std::vector<Address> candidates;  // UDP hosts; only Janus tells any
  bool ice_lite = false;
  std::uint8_t vp8 = 0;  // payload types; 0: none
  std::uint8_t rtx = 0;
  std::uint8_t transport_sequence_id = 0;  // extension; 0: none
  std::vector<std::uint32_t> ssrcs;        // media, then RTX of it
};

enum class SdpRole { offer_to_send, answer_to_receive };
// We are always the DTLS client.
std::string write_sdp(const SdpMedia& own, SdpRole role);
// For the person who reads it: what is missing.
Result<SdpMedia, std::string> read_sdp(std::string_view sdp);

class JanusConversation {
 public:
  struct Options {
    bool publishes = false;
    std::uint64_t room = 1;
    std::uint64_t feed = 0;  // what a subscriber watches; what a publisher wants to be (0: as Janus likes)
    std::uint32_t publishers = 100;
    SdpMedia own;  // a subscriber's payload types and extension are taken from the offer
  };
  explicit JanusConversation(Options options);

  struct Request {
    std::string path;  // below Janus' base path
    std::string body;
  };
  // What to POST, once; empty: nothing now.
  std::optional<Request> next_request(TimePoint now);
  // Its answer.
  void on_answer(std::string_view body, TimePoint now);

  // Where to GET, again and again, while this is not empty. Janus answers with an event or, after 30 s,
  // with none.
  std::string poll_path() const;
  void on_event(std::string_view body, TimePoint now);

  bool ready() const { return step_ == Step::ready; }
  bool failed() const { return step_ == Step::failed; }
  const std::string& problem() const { return problem_; }
  // Once known: Janus' side.
  const std::optional<SdpMedia>& remote() const { return remote_; }
  // A publisher's, once it joined.
  std::uint64_t feed() const { return feed_; }
  // DTLS is done, as Janus tells it.
  bool connected() const { return connected_; }

  // The goodbye: Janus takes down whatever the session had.
  Request leave();

 private:
  enum class Step {
    session,
    handle,
    room,
    join,
    joining,
    publish,
    publishing,
    start,
    starting,
    ready,
    failed
  };

  Request request(std::string path, std::string body, Step next);
  void fail_with(std::string why);
  void on_joined(std::uint64_t feed);
  bool take_remote(std::string_view sdp);

  Options options_;
  Step step_ = Step::session;
  bool waiting_ = false;  // for the answer of a request
  std::uint64_t session_ = 0;
  std::uint64_t handle_ = 0;
  std::uint64_t feed_ = 0;
  std::uint64_t transaction_ = 0;
  TimePoint again_{};  // not before
  TimePoint started_ = TimePoint::max();
  bool connected_ = false;
  std::optional<SdpMedia> remote_;
  std::string problem_;
};

}  // namespace roomgate::bench::janus
