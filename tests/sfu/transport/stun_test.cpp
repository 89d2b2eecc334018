#include "sfu/transport/stun.hpp"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/sfu/transport/hex.hpp"
#include "tests/support/corpora.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;

namespace {

const std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";  // RFC 5769 2
const std::string_view kRequest =
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008"
    "932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004"
    "e57a3bcf";
const std::string_view kResponseV4 =
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a64300080014"
    "2b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
const std::string_view kResponseV6 =
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179"
    "bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";
const std::string_view kLongTerm =
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f34"
    "39396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700000800 "
    "14f67024656dd64a3e"
    "02b8e0712e85c9a28ca89666";

StunError parse_error(const std::vector<std::uint8_t>& bytes, const StunLimits& limits = {}) {
  const auto message = StunMessageView::parse(bytes, limits);
  REQUIRE(!message);
  return message.error();
}

// A header whose length fits what follows.
std::vector<std::uint8_t> message_of(std::string_view attributes) {
  std::vector<std::uint8_t> out = hex("0001 0000 2112a442 000102030405060708090a0b");
  const std::vector<std::uint8_t> rest = hex(attributes);
  out.insert(out.end(), rest.begin(), rest.end());
  store16(&out[2], static_cast<std::uint16_t>(rest.size()));
  return out;
}

}  // namespace

TEST_CASE("computes HMAC-SHA1 as RFC 2202 has it") {
  const auto digest_hex = [](const HmacSha1::Digest& digest) {
    return std::vector<std::uint8_t>(digest.begin(), digest.end());
  };
  const std::vector<std::uint8_t> short_key(20, 0x0b);
  const std::vector<std::uint8_t> long_key(80, 0xaa);

  CHECK(digest_hex(HmacSha1(short_key).digest(as_bytes("Hi There"))) ==
        hex("b617318655057264e28bc0b6fb378c8ef146be00"));
  CHECK(
      digest_hex(HmacSha1(as_bytes("Jefe")).digest(as_bytes("what do ya want "), as_bytes("for nothing?"))) ==
      hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"));
  CHECK(digest_hex(
            HmacSha1(long_key).digest(as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))) ==
        hex("aa4ae5e15272d00e95705637ce8a3b55ed402112"));
}

TEST_CASE("reads and verifies the request of RFC 5769 2.1") {
  const std::vector<std::uint8_t> bytes = hex(kRequest);
  const HmacSha1 key(as_bytes(kPassword));

  const auto message = StunMessageView::parse(bytes);

  REQUIRE(message);
  CHECK(message->is_binding(StunClass::request));
  CHECK(message->username == "evtj:h6vY");
  CHECK(local_ufrag_of(message->username) == "evtj");
  CHECK(remote_ufrag_of(message->username) == "h6vY");
  CHECK(message->priority == 0x6e0001ffu);
  CHECK(message->controlled == 0x932ff9b151263b36u);
  CHECK(!message->controlling);
  CHECK(!message->use_candidate);
  CHECK(message->unknown_count == 0);
  CHECK(message->integrity_matches(key));
  CHECK(message->fingerprint_matches());
  CHECK(!message->integrity_matches(HmacSha1(as_bytes("another password"))));
}

TEST_CASE("reads and verifies the responses of RFC 5769 2.2 and 2.3") {
  const HmacSha1 key(as_bytes(kPassword));
  const std::vector<std::uint8_t> v4 = hex(kResponseV4);
  const std::vector<std::uint8_t> v6 = hex(kResponseV6);

  const auto first = StunMessageView::parse(v4);
  const auto second = StunMessageView::parse(v6);

  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->is_binding(StunClass::success));
  CHECK(first->xor_mapped->to_string() == "192.0.2.1:32853");
  CHECK(second->xor_mapped->to_string() == "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
  CHECK(first->integrity_matches(key));
  CHECK(second->integrity_matches(key));
  CHECK(first->fingerprint_matches());
  CHECK(second->fingerprint_matches());
}

TEST_CASE("reads the long-term request of RFC 5769 2.4") {
  // MD5 of "user:example.org:TheMatrIX" with the user's name as the RFC spells it.
  const std::vector<std::uint8_t> bytes = hex(kLongTerm);

  const auto message = StunMessageView::parse(bytes);

  REQUIRE(message);
  CHECK(message->username.size() == 18);
  CHECK(message->has_integrity);
  CHECK(!message->has_fingerprint);
  CHECK(!message->fingerprint_matches());
  CHECK(message->integrity_matches(HmacSha1(hex("e8ca7ad59d5eb0518e312911d2dab2a9"))));
}

TEST_CASE("notices each flipped bit of an authenticated message") {
  const HmacSha1 key(as_bytes(kPassword));
  const std::vector<std::uint8_t> bytes = hex(kRequest);
  const std::size_t integrity_ends = bytes.size() - 8;
  for (std::size_t bit = 0; bit < integrity_ends * 8; ++bit) {
    std::vector<std::uint8_t> changed = bytes;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));

    const auto message = StunMessageView::parse(changed);

    CAPTURE(bit);
    CHECK(!(message && message->integrity_matches(key)));
    CHECK(!(message && message->fingerprint_matches()));
  }
}

TEST_CASE("refuses what is not a whole STUN message") {
  std::vector<std::uint8_t> bytes = hex(kRequest);

  CHECK(parse_error({}) == StunError::too_short);
  CHECK(parse_error({bytes.begin(), bytes.begin() + 19}) == StunError::too_short);
  CHECK(parse_error({bytes.begin(), bytes.end() - 4}) == StunError::bad_length);
  CHECK(parse_error(bytes, {.max_message_bytes = 64}) == StunError::too_long);
  CHECK(parse_error(bytes, {.max_attributes = 3}) == StunError::too_many_attributes);
  bytes[4] = 0;
  CHECK(parse_error(bytes) == StunError::not_stun);
  bytes = hex(kRequest);
  bytes[0] = 0x40;
  CHECK(parse_error(bytes) == StunError::not_stun);
}

TEST_CASE("refuses attributes that cannot be right") {
  const std::string_view cases[] = {
      "0024 0003 00000000",                          // PRIORITY of three bytes
      "802a 0004 00000000",                          // ICE-CONTROLLING of four
      "8029 0009 000000000000000000 000000",         // ICE-CONTROLLED of nine
      "0025 0004 00000000",                          // USE-CANDIDATE with a value
      "0008 0010 00000000000000000000000000000000",  // MESSAGE-INTEGRITY of sixteen
      "8028 0003 00000000",                          // FINGERPRINT of three
      "8028 0004 00000000 0025 0000",                // FINGERPRINT is not the last one
      "0020 0008 00030000 00000000",                 // no such address family
      "0020 0004 00010000",                          // address without address
      "0009 0004 00000700",                          // error class 7
      "0009 0002 00000000",                          // error without number
      "0006 0008 61623a63",                          // longer than the message
  };
  for (const std::string_view attributes : cases) {
    CAPTURE(attributes);
    CHECK(parse_error(message_of(attributes)) == StunError::bad_attribute);
  }
}

TEST_CASE("counts the first of two equal attributes and none behind the integrity") {
  const std::vector<std::uint8_t> twice = message_of("0024 0004 00000001 0024 0004 00000002");
  const std::vector<std::uint8_t> behind =
      message_of("0008 0014 0000000000000000000000000000000000000000 0024 0004 00000002 7fff 0000");

  const auto first = StunMessageView::parse(twice);
  const auto second = StunMessageView::parse(behind);

  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->priority == 1);
  CHECK(!second->priority);
  CHECK(second->unknown_count == 0);
}

TEST_CASE("lists attributes that would have to be understood") {
  const auto bytes = message_of("7001 0000 7002 0000 c001 0004 00000000 7003 0000 7004 0000 7005 0000");

  const auto message = StunMessageView::parse(bytes);

  REQUIRE(message);
  CHECK(message->unknown_count == 4);
  CHECK(message->unknown == std::array<std::uint16_t, 4>{0x7001, 0x7002, 0x7003, 0x7004});
}

TEST_CASE("reads back the requests it writes") {
  const HmacSha1 key(as_bytes(kPassword));
  BindingRequest request;
  request.transaction = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  request.username = "remote:local";
  request.priority = 0x6e7fffff;
  request.tie_breaker = 0x0123456789abcdef;
  for (const bool use_candidate : {false, true}) {
    for (const bool controlling : {false, true}) {
      request.use_candidate = use_candidate;
      request.controlling = controlling;
      std::array<std::uint8_t, 256> out;

      const std::size_t size = write_binding_request(out, request, key);
      const auto message = StunMessageView::parse(ByteView(out).first(size));

      REQUIRE(message);
      CHECK(message->is_binding(StunClass::request));
      CHECK(message->transaction == request.transaction);
      CHECK(message->username == "remote:local");
      CHECK(message->priority == request.priority);
      CHECK((controlling ? message->controlling : message->controlled) == request.tie_breaker);
      CHECK(!(controlling ? message->controlled : message->controlling));
      CHECK(message->use_candidate == use_candidate);
      CHECK(message->integrity_matches(key));
      CHECK(message->fingerprint_matches());
    }
  }
}

TEST_CASE("writes responses that hold what is needed and no more") {
  const HmacSha1 key(as_bytes(kPassword));
  const StunTransaction transaction = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 8};
  const Address v4 = *Address::parse("203.0.113.7:40000");
  const Address v6 = *Address::parse("[2001:db8::77]:40001");
  std::array<std::uint8_t, 128> out;

  const std::size_t small = write_binding_success(out, transaction, v4, key);
  CHECK(small == 64);
  const auto first = StunMessageView::parse(ByteView(out).first(small));
  REQUIRE(first);
  CHECK(first->xor_mapped == v4);
  CHECK(first->transaction == transaction);
  CHECK(first->integrity_matches(key));
  CHECK(first->fingerprint_matches());

  const std::size_t large = write_binding_success(out, transaction, v6, key);
  CHECK(large == 76);
  const auto second = StunMessageView::parse(ByteView(out).first(large));
  REQUIRE(second);
  CHECK(second->xor_mapped == v6);
}

TEST_CASE("writes errors with their number") {
  const HmacSha1 key(as_bytes(kPassword));
  std::array<std::uint8_t, 128> out;
  const std::array<std::uint16_t, 3> unknown = {0x7001, 0x7002, 0x7003};
  for (const std::uint16_t code : std::array<std::uint16_t, 4>{400, 401, 420, 487}) {
    const std::size_t size = write_binding_error(
        out, {}, code, key, code == 420 ? std::span(unknown) : std::span<const std::uint16_t>());
    const auto message = StunMessageView::parse(ByteView(out).first(size));

    REQUIRE(message);
    CHECK(message->is_binding(StunClass::error));
    CHECK(message->error_code == code);
    CHECK(message->integrity_matches(key));
    CHECK(message->fingerprint_matches());
  }
}

TEST_CASE("writes nothing into a buffer that is too small") {
  const HmacSha1 key(as_bytes(kPassword));
  BindingRequest request;
  request.username = "remote:local";
  std::array<std::uint8_t, 128> out;
  const std::size_t needed = write_binding_request(out, request, key);

  for (std::size_t size = 0; size < needed; ++size) {
    CHECK(write_binding_request(ByteSpan(out).first(size), request, key) == 0);
  }
  CHECK(write_binding_request(ByteSpan(out).first(needed), request, key) == needed);
}

TEST_CASE("survives the shared corpora") {
  const std::filesystem::path root = tests::corpora();
  std::size_t files = 0;
  for (const char* folder : {"media", "media-seeds"}) {
    if (!std::filesystem::is_directory(root / folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(root / folder)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::vector<std::uint8_t> bytes(std::istreambuf_iterator<char>(in), {});
      const auto message = StunMessageView::parse(bytes);
      if (message) message->fingerprint_matches();
      if (entry.path().filename().string().starts_with("rfc5769")) CHECK(message.ok());
      ++files;
    }
  }
  if (files == 0) MESSAGE("skipped: no corpora");
}
