#include "sfu/bridge/control/codec.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate::sfu::bridge;

namespace {

std::vector<Command> every_command() {
  return {
      Allocate{18446744073709551615u, "room@conference", "8fc6a697", "eu-central"},
      SetTransport{"c",
                   "e",
                   "ufrag",
                   "pass/word+",
                   {"sha-256", "AB:CD"},
                   {.transport_cc = false, .source_names = false}},
      SetSources{"c",
                 "e",
                 {{"e-a0", Media::audio, VideoType::camera, {{4294967295u, 0}}},
                  {"e-v0", Media::video, VideoType::desktop, {{1, 2}, {3, 4}, {5, 6}}}}},
      SetSources{"c", "e", {}},
      Expire{"c", ""},
      ChannelOpened{"c", "e"},
      ChannelClosed{"c", "e"},
      ChannelFrame{"c", "e", "{\"colibriClass\":\"ClientHello\",\"x\":\"\\u0001 \xc3\xa4\"}"},
  };
}

std::vector<Event> every_event() {
  return {
      Allocated{7,
                "c",
                "e",
                "u",
                "p",
                {"sha-256", "00:11"},
                {{"192.0.2.1", 10000, 2130706431, "1"}, {"2001:db8::1", 1, 2, "3"}},
                "secret",
                "shard-a",
                "eu",
                1,
                2},
      AllocateFailed{8, "c", "e", "full"},
      EndpointChanged{"c", "e", EndpointState::interrupted, "silent"},
      RestartWanted{"c", "e", "worker"},
      DominantSpeaker{"c", "e"},
      Stress{0.25, 3, 9},
      ChannelFrame{"c", "e", "{}"},
  };
}

}  // namespace

TEST_CASE("shard rule 4: every control message survives being written and read") {
  for (const Command& command : every_command()) {
    CAPTURE(encode(command));
    const auto back = decode_command(encode(command));
    REQUIRE(back);
    CHECK(*back == command);
  }
  for (const Event& event : every_event()) {
    CAPTURE(encode(event));
    const auto back = decode_event(encode(event));
    REQUIRE(back);
    CHECK(*back == event);
  }
}

TEST_CASE("refuses control texts that are not whole, of another version, or of the wrong types") {
  const struct {
    const char* text;
    CodecError error;
  } cases[] = {
      {"", CodecError::not_json},
      {"[]", CodecError::not_json},
      {"{\"v\":1,\"type\":\"expire\"", CodecError::not_json},
      {"{\"type\":\"expire\",\"conference\":\"c\",\"endpoint\":\"\"}", CodecError::version},
      {"{\"v\":2,\"type\":\"expire\",\"conference\":\"c\",\"endpoint\":\"\"}", CodecError::version},
      {"{\"v\":1,\"type\":\"explode\"}", CodecError::unknown_message},
      {"{\"v\":1,\"type\":7}", CodecError::unknown_message},
      {"{\"v\":1,\"type\":\"expire\",\"conference\":\"c\"}", CodecError::bad_field},
      {"{\"v\":1,\"type\":\"expire\",\"conference\":\"c\",\"endpoint\":null}", CodecError::bad_field},
      {"{\"v\":1,\"type\":\"allocate\",\"request\":-1,\"conference\":\"\",\"endpoint\":\"\",\"region\":\"\"}",
       CodecError::bad_field},
      {"{\"v\":1,\"type\":\"allocate\",\"request\":1.5,\"conference\":\"\",\"endpoint\":\"\",\"region\":"
       "\"\"}",
       CodecError::bad_field},
      {"{\"v\":1,\"type\":\"set_sources\",\"conference\":\"\",\"endpoint\":\"\",\"sources\":[{\"name\":\"\","
       "\"media\":"
       "\"smell\",\"video_type\":\"none\",\"layers\":[]}]}",
       CodecError::bad_field},
      {"{\"v\":1,\"type\":\"set_sources\",\"conference\":\"\",\"endpoint\":\"\",\"sources\":[{\"name\":\"\","
       "\"media\":"
       "\"audio\",\"video_type\":\"none\",\"layers\":[{\"ssrc\":4294967296,\"rtx\":0}]}]}",
       CodecError::bad_field},
      {"{\"v\":1,\"type\":\"x\",\"a\":[[[[[[[[[[[[]]]]]]]]]]]]}", CodecError::not_json},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto result = decode_command(c.text);
    REQUIRE(!result);
    CHECK(name_of(result.error()) == name_of(c.error));
  }
}

TEST_CASE("bounds the length of control texts, strings and lists") {
  const CodecLimits limits{.max_text = 1000, .max_string = 10, .max_items = 2};
  const Source source{"s", Media::audio, VideoType::camera, {{1, 0}}};

  CHECK(decode_command(encode(Command(SetSources{"c", "e", {source, source}})), limits));
  CHECK(decode_command(encode(Command(SetSources{"c", "e", {source, source, source}})), limits).error() ==
        CodecError::bad_field);
  CHECK(decode_command(encode(Command(Expire{"0123456789a", ""})), limits).error() == CodecError::bad_field);
  CHECK(decode_command(std::string(1001, ' '), limits).error() == CodecError::too_large);
}

TEST_CASE("skips fields it does not know") {
  const auto command =
      decode_command(R"({"v":1,"type":"expire","conference":"c","endpoint":"e","later":{"x":[1]}})");

  REQUIRE(command);
  CHECK(*command == Command(Expire{"c", "e"}));
}
