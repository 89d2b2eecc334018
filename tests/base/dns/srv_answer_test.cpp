#include "base/dns/srv_answer.hpp"

#include <doctest/doctest.h>

#include "tests/support/dns_message.hpp"

using namespace roomgate;
using namespace roomgate::dns;
using namespace roomgate::tests;

namespace {

constexpr const char* kName = "_http._tcp.web.example";

Result<SrvAnswer, DnsError> parse(const std::string& bytes, const SrvLimits& limits = {}) {
  return parse_srv_answer(as_bytes(bytes), limits);
}
Result<SrvAnswer, DnsError> parse(const std::vector<DnsRecord>& answers, const SrvLimits& limits = {}) {
  return parse(DnsMessage{.name = kName, .answers = answers}.bytes(), limits);
}
DnsError error_of(const Result<SrvAnswer, DnsError>& answer) {
  REQUIRE_FALSE(answer.ok());
  return answer.error();
}

// A message with one SRV record, whose target is these bytes: they lie at kTargetAt.
constexpr std::size_t kTargetAt = 12 + 24 + 4 + 2 + 10 + 6;
std::string with_target(const std::string& target) {
  std::string bytes = DnsMessage{.name = kName}.bytes();
  bytes[7] = 1;
  bytes += std::string("\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x3c", 10);
  put16(bytes, static_cast<std::uint32_t>(6 + target.size()));
  bytes += std::string("\x00\x00\x00\x00\x1f\x90", 6);
  REQUIRE(bytes.size() == kTargetAt);
  return bytes + target;
}
std::string pointer_to(std::size_t at) {
  std::string out;
  put16(out, static_cast<std::uint32_t>(0xc000U | at));
  return out;
}

}  // namespace

TEST_CASE("records come with priority, weight, port and target; the smallest TTL counts") {
  const auto answer = parse({srv_record(kName, 10, 5, 8080, "shard-1.example", 60),
                             srv_record(kName, 20, 0, 8081, "shard-2.example", 7)});

  REQUIRE(answer.ok());
  CHECK(answer->ttl == seconds(7));
  CHECK(answer->records ==
        std::vector<SrvRecord>{{10, 5, 8080, "shard-1.example"}, {20, 0, 8081, "shard-2.example"}});
}

TEST_CASE("names are compared and given without regard to case") {
  const auto answer = parse({srv_record("_HTTP._tcp.Web.Example", 0, 0, 80, "Shard-1.EXAMPLE")});

  REQUIRE(answer.ok());
  CHECK(answer->records[0].target == "shard-1.example");
}

TEST_CASE("the target . says that there is no such service") {
  const auto answer = parse({srv_record(kName, 0, 0, 0, "")});

  REQUIRE(answer.ok());
  CHECK(answer->records[0].target.empty());
}

TEST_CASE("aliases are followed, and their TTL counts too") {
  const auto answer = parse({cname_record(kName, "a.example", 30), cname_record("a.example", "b.example", 4),
                             srv_record("b.example", 0, 0, 80, "shard-1.example", 60)});

  REQUIRE(answer.ok());
  CHECK(answer->ttl == seconds(4));
  CHECK(answer->records.size() == 1);
}

TEST_CASE("a chain of aliases that is too long, or goes round, is refused") {
  std::vector<DnsRecord> chain{cname_record(kName, "n0")};
  for (int i = 0; i < 8; ++i)
    chain.push_back(cname_record("n" + std::to_string(i), "n" + std::to_string(i + 1)));
  chain.push_back(srv_record("n8", 0, 0, 80, "shard-1.example"));

  CHECK(error_of(parse(chain)) == DnsError::too_many_aliases);
  CHECK(parse(chain, {.max_aliases = 9}).ok());
  CHECK(error_of(parse({cname_record(kName, "a"), cname_record("a", kName)})) == DnsError::too_many_aliases);
}

TEST_CASE("records of other names, types and classes do not count") {
  std::string chaos = DnsMessage{.name = kName, .answers = {srv_record(kName, 0, 0, 80, "x")}}.bytes();
  chaos[12 + 24 + 4 + 24 + 3] = 3;

  CHECK(error_of(parse({srv_record("other.example", 0, 0, 80, "x")})) == DnsError::no_data);
  CHECK(error_of(parse({address_record(kName, "192.0.2.1")})) == DnsError::no_data);
  CHECK(error_of(parse(chaos)) == DnsError::no_data);
}

TEST_CASE("what the server says of the name is told apart") {
  const auto with_flags = [](std::uint16_t flags) {
    return error_of(parse(DnsMessage{.flags = flags, .name = kName}.bytes()));
  };

  CHECK(with_flags(0x8180) == DnsError::no_data);
  CHECK(with_flags(0x8183) == DnsError::no_such_name);
  CHECK(with_flags(0x8182) == DnsError::server_failed);
  CHECK(with_flags(0x8185) == DnsError::refused);
  CHECK(with_flags(0x8181) == DnsError::server_failed);
  CHECK(with_flags(0x8380) == DnsError::truncated);
  CHECK(with_flags(0x0100) == DnsError::malformed);  // a question
  CHECK(with_flags(0x9180) == DnsError::malformed);  // another opcode
}

TEST_CASE("a TTL with its highest bit set is zero") {
  const auto answer = parse({srv_record(kName, 0, 0, 80, "x", 0x80000001U)});

  REQUIRE(answer.ok());
  CHECK(answer->ttl == seconds(0));
}

TEST_CASE("compressed names are read, even where RFC 2782 forbids them") {
  const auto answer = parse(with_target("\x07shard-1" + pointer_to(12 + 11)));

  REQUIRE(answer.ok());
  CHECK(answer->records[0].target == "shard-1.web.example");
}

TEST_CASE("bytes that no host name has are written as numbers") {
  const auto answer =
      parse(with_target(std::string("\x03"
                                    "a.b"
                                    "\x03"
                                    "\xff\x00\\"
                                    "\x00",
                                    9)));

  REQUIRE(answer.ok());
  CHECK(answer->records[0].target == "a\\046b.\\255\\000\\092");
}

TEST_CASE("pointers that lead forwards, to themselves, into the header or in circles are refused") {
  CHECK(error_of(parse(with_target(pointer_to(kTargetAt)))) == DnsError::malformed);
  CHECK(error_of(parse(with_target(pointer_to(kTargetAt + 2)))) == DnsError::malformed);
  CHECK(error_of(parse(with_target(pointer_to(2)))) == DnsError::malformed);
  CHECK(error_of(parse(with_target("\x01"
                                   "a" +
                                   pointer_to(kTargetAt)))) == DnsError::malformed);
  CHECK(error_of(parse(with_target("\xc0"))) == DnsError::malformed);
}

TEST_CASE("a name of more than 255 bytes, or of unknown label types, is refused") {
  const std::string label = '\x3f' + std::string(63, 'a');
  const std::string longest = label + label + label + '\x3d' + std::string(61, 'a') + '\0';
  const std::string too_long = label + label + label + '\x3e' + std::string(62, 'a') + '\0';

  CHECK(parse(with_target(longest)).ok());
  CHECK(error_of(parse(with_target(too_long))) == DnsError::malformed);
  CHECK(error_of(parse(with_target(std::string("\x41"
                                               "a\0",
                                               3)))) == DnsError::malformed);
  CHECK(error_of(parse(with_target(std::string("\x81"
                                               "a\0",
                                               3)))) == DnsError::malformed);
}

TEST_CASE("data that is shorter or longer than its record is refused") {
  std::string longer =
      with_target(std::string("\x01"
                              "a\0",
                              3));
  longer[kTargetAt - 7] = static_cast<char>(longer[kTargetAt - 7] + 1);

  CHECK(error_of(parse(longer)) == DnsError::malformed);
  CHECK(error_of(parse(longer + "x")) == DnsError::malformed);
  CHECK(error_of(parse(std::vector<DnsRecord>{{kName, kDnsSrv, 60, "\x01\x02\x03\x04\x05"}})) ==
        DnsError::malformed);
}

TEST_CASE("every message that ends too early is refused, without a read past its end") {
  const std::string whole =
      DnsMessage{.name = kName, .answers = {cname_record(kName, "a"), srv_record("a", 1, 2, 3, "b.c")}}
          .bytes();
  REQUIRE(parse(whole).ok());

  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::uint8_t> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto answer = parse_srv_answer(part);
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error() == DnsError::malformed);
  }
}

TEST_CASE("size and number of records are bounded") {
  const std::vector<DnsRecord> two{srv_record(kName, 0, 0, 80, "a"), srv_record(kName, 0, 0, 80, "b")};

  CHECK(error_of(parse(two, {.max_bytes = 60})) == DnsError::too_large);
  CHECK(error_of(parse(two, {.max_records = 1})) == DnsError::too_large);
}

TEST_CASE("a message without its question, or with two, is refused") {
  std::string none = DnsMessage{.name = kName}.bytes();
  none[5] = 0;
  std::string two = DnsMessage{.name = kName}.bytes();
  two[5] = 2;

  CHECK(error_of(parse(none)) == DnsError::malformed);
  CHECK(error_of(parse(two)) == DnsError::malformed);
}
