#include <algorithm>
#include <charconv>
#include <sstream>

#include "bench/sfu/janus.hpp"

namespace roomgate::bench::janus {
namespace {

constexpr std::string_view kTransportSequence =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

template <class T>
T number(std::string_view text) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "a=NAME:VALUE": what is behind the colon, else nothing.
std::optional<std::string_view> attribute(std::string_view line, std::string_view name) {
  if (!line.starts_with("a=") || !line.substr(2).starts_with(name)) return std::nullopt;
  line.remove_prefix(2 + name.size());
  if (line.empty() || line.front() != ':') return std::nullopt;
  return line.substr(1);
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// RFC 8839 5.1: foundation component transport priority address port "typ" type ...
void add_candidate(SdpMedia& media, std::string_view value) {
  const auto parts = words(value);
  if (parts.size() < 8 || parts[2] != "udp" || parts[7] != "host") return;
  const auto address = Address::from_ip(parts[4], number<std::uint16_t>(parts[5]));
  if (address) media.candidates.push_back(*address);
}

}  // namespace

std::string write_sdp(const SdpMedia& own, SdpRole role) {
  std::ostringstream out;
  const auto line = [&out](const auto&... parts) { (out << ... << parts) << "\r\n"; };
  const int vp8 = own.vp8;
  const int rtx = own.rtx;
  line("v=0");
  line("o=- 1 1 IN IP4 127.0.0.1");
  line("s=-");
  line("t=0 0");
  line("a=group:BUNDLE ", own.mid);
  out << "m=video 9 UDP/TLS/RTP/SAVPF " << vp8;
  if (rtx != 0) out << " " << rtx;
  line();
  line("c=IN IP4 127.0.0.1");
  line("a=mid:", own.mid);
  line(role == SdpRole::offer_to_send ? "a=sendonly" : "a=recvonly");
  line("a=rtcp-mux");
  line("a=ice-ufrag:", own.ufrag);
  line("a=ice-pwd:", own.pwd);
  line("a=fingerprint:sha-256 ", own.fingerprint);
  line("a=setup:active");
  line("a=rtpmap:", vp8, " VP8/90000");
  line("a=rtcp-fb:", vp8, " nack");
  line("a=rtcp-fb:", vp8, " nack pli");
  if (own.transport_sequence_id != 0) {
    line("a=rtcp-fb:", vp8, " transport-cc");
    line("a=extmap:", int{own.transport_sequence_id}, " ", kTransportSequence);
  }
  if (rtx != 0) {
    line("a=rtpmap:", rtx, " rtx/90000");
    line("a=fmtp:", rtx, " apt=", vp8);
  }
  if (role == SdpRole::offer_to_send) {
    if (own.ssrcs.size() == 2) line("a=ssrc-group:FID ", own.ssrcs[0], " ", own.ssrcs[1]);
    for (const std::uint32_t ssrc : own.ssrcs) line("a=ssrc:", ssrc, " cname:load");
  }
  return out.str();
}

Result<SdpMedia, std::string> read_sdp(std::string_view sdp) {
  SdpMedia media;
  bool in_media = false;
  while (!sdp.empty()) {
    const std::size_t end = std::min(sdp.find('\n'), sdp.size());
    std::string_view line = sdp.substr(0, end);
    sdp.remove_prefix(std::min(end + 1, sdp.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("m=")) {
      if (in_media) break;  // one section is all that was asked for
      in_media = true;
      if (words(line).size() > 1 && words(line)[1] == "0") return fail(std::string("the video was refused"));
    }
    if (line == "a=ice-lite") media.ice_lite = true;
    if (const auto value = attribute(line, "ice-ufrag")) media.ufrag = *value;
    if (const auto value = attribute(line, "ice-pwd")) media.pwd = *value;
    if (const auto value = attribute(line, "mid")) media.mid = *value;
    if (const auto value = attribute(line, "fingerprint"); value && value->starts_with("sha-256 "))
      media.fingerprint = value->substr(8);
    if (const auto value = attribute(line, "setup"); value && *value == "active")
      return fail(std::string("Janus wants to be the DTLS client"));
    if (const auto value = attribute(line, "candidate")) add_candidate(media, *value);
    if (const auto value = attribute(line, "rtpmap")) {
      const auto parts = words(*value);
      if (parts.size() == 2 && parts[1] == "VP8/90000") media.vp8 = number<std::uint8_t>(parts[0]);
      if (parts.size() == 2 && parts[1] == "rtx/90000") media.rtx = number<std::uint8_t>(parts[0]);
    }
    if (const auto value = attribute(line, "extmap"); value && value->ends_with(kTransportSequence))
      media.transport_sequence_id = number<std::uint8_t>(*value);
    if (const auto value = attribute(line, "ssrc")) {
      const auto ssrc = number<std::uint32_t>(*value);
      if (media.ssrcs.empty() || media.ssrcs.back() != ssrc) media.ssrcs.push_back(ssrc);
    }
  }
  if (media.ufrag.empty() || media.pwd.empty()) return fail(std::string("no ICE credentials"));
  if (media.fingerprint.empty()) return fail(std::string("no sha-256 fingerprint"));
  if (media.vp8 == 0) return fail(std::string("no VP8"));
  if (media.candidates.empty()) return fail(std::string("no host candidate over UDP"));
  return media;
}

}  // namespace roomgate::bench::janus
