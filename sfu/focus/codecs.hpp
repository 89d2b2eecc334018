// The payload types and header extensions of every offer of this shard: one table, the same numbers for all
// clients, so that packets are forwarded without rewriting either (jitsi-signalling 5.3, 7.3). Constants; any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sfu/bridge/control/control.hpp"

namespace roomgate::sfu::focus {

struct CodecParameter {
  std::string_view name;   // may be empty
  std::string_view value;  // empty: no parameter
};

struct PayloadType {
  std::uint8_t id = 0;
  std::string_view name;
  bridge::Media media = bridge::Media::audio;
  std::uint32_t clock_rate = 90000;
  std::uint8_t channels = 0;        // 0: not written
  std::uint8_t retransmits = 0;     // rtx only: the payload type it stands for
  bool congestion_feedback = true;  // transport-cc, or goog-remb for video of a client without it
  std::array<CodecParameter, 3> parameters{};
  bool by_setting = false;  // RED: offered only where the operator wants it
};

inline constexpr std::uint8_t kOpus = 111;
inline constexpr std::uint8_t kOpusRed = 112;
inline constexpr std::uint8_t kTelephoneEvent = 126;
inline constexpr std::uint8_t kAv1 = 41;
inline constexpr std::uint8_t kVp8 = 100;
inline constexpr std::uint8_t kVp9 = 101;
inline constexpr std::uint8_t kH264 = 107;
inline constexpr std::uint8_t kAv1Rtx = 42;
inline constexpr std::uint8_t kVp8Rtx = 96;
inline constexpr std::uint8_t kVp9Rtx = 97;
inline constexpr std::uint8_t kH264Rtx = 99;

// In the order of the offer. All four video codecs are always there: a client whose preferred codec is
// missing throws inside setParameters. Audio RED (RFC 2198) is offered by setting only: it doubles audio for
// every receiver, and loss of audio is already covered by the codec's own forward error correction
// (useinbandfec). It stands after opus: a client that knows both sends it when it wants to, and one that
// leaves it out of its answer gets what is inside (the bridge unpacks it).
inline constexpr std::array kPayloadTypes = {
    PayloadType{.id = kOpus,
                .name = "opus",
                .clock_rate = 48000,
                .channels = 2,
                .parameters = {{{"minptime", "10"}, {"useinbandfec", "1"}}}},
    PayloadType{.id = kOpusRed,
                .name = "red",
                .clock_rate = 48000,
                .channels = 2,
                .congestion_feedback = false,
                .parameters = {{{"", "111/111"}}},
                .by_setting = true},
    PayloadType{
        .id = kTelephoneEvent, .name = "telephone-event", .clock_rate = 8000, .congestion_feedback = false},
    PayloadType{.id = kAv1, .name = "AV1", .media = bridge::Media::video},
    PayloadType{.id = kVp8, .name = "VP8", .media = bridge::Media::video},
    PayloadType{.id = kH264,
                .name = "H264",
                .media = bridge::Media::video,
                .parameters = {{{"profile-level-id", "42e01f"},
                                {"level-asymmetry-allowed", "1"},
                                {"packetization-mode", "1"}}}},
    PayloadType{.id = kVp9, .name = "VP9", .media = bridge::Media::video},
    PayloadType{.id = kAv1Rtx,
                .name = "rtx",
                .media = bridge::Media::video,
                .retransmits = kAv1,
                .congestion_feedback = false},
    PayloadType{.id = kVp8Rtx,
                .name = "rtx",
                .media = bridge::Media::video,
                .retransmits = kVp8,
                .congestion_feedback = false},
    PayloadType{.id = kVp9Rtx,
                .name = "rtx",
                .media = bridge::Media::video,
                .retransmits = kVp9,
                .congestion_feedback = false},
    PayloadType{.id = kH264Rtx,
                .name = "rtx",
                .media = bridge::Media::video,
                .retransmits = kH264,
                .congestion_feedback = false},
};

struct HeaderExtension {
  std::uint8_t id = 0;
  std::string_view uri;
  bool audio = false;
  bool video = false;
};

inline constexpr std::uint8_t kAudioLevelExtension = 1;
inline constexpr std::uint8_t kAbsSendTimeExtension = 3;
inline constexpr std::uint8_t kTransportCcExtension = 5;
inline constexpr std::uint8_t kDependencyDescriptorExtension = 11;

// mid would be 10. It is not offered at all. A sender's mid ("0", "1") names m-lines of its own session;
// forwarded, it binds a stream to the wrong m-line of the receiver and video stays black at random. Stripping
// it would have to hold on every path that makes a packet (forward, RTX, padding, a relay between bridges); a
// browser that was not offered it neither sends it nor looks for it. Nothing is lost: Chromium and Firefox
// then bind by the SSRCs of the signalling, and every source of ours is signalled with its SSRC (checked with
// lib-jitsi-meet v2193: "mid not offered: fine"). It saves four bytes a packet besides. A packet that carries
// 10 all the same is from a client that ignores the offer: strip it.
inline constexpr std::uint8_t kMidExtension = 10;

// abs-send-time is offered (the estimate of a client without transport-cc is made from it) and stripped from
// whatever is forwarded, since it tells the time of the sender's link, not of ours.
inline constexpr std::array kHeaderExtensions = {
    HeaderExtension{kAudioLevelExtension, "urn:ietf:params:rtp-hdrext:ssrc-audio-level", true, false},
    HeaderExtension{kDependencyDescriptorExtension,
                    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
                    false, true},
    HeaderExtension{kAbsSendTimeExtension, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
                    false, true},
    HeaderExtension{kTransportCcExtension,
                    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", true, true},
};

}  // namespace roomgate::sfu::focus
