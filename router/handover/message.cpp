#include "router/handover/message.hpp"

#include <array>
#include <type_traits>
#include <utility>

namespace roomgate::router::handover {
namespace {

constexpr std::size_t kSizeBytes = 4;

// The fields of each message, once for both directions.
template <class M, class F>
void with_fields(M& m, F&& f) {
  using T = std::remove_const_t<M>;
  if constexpr (std::is_same_v<T, Hello>) f(m.role, m.version, m.gate);
  if constexpr (std::is_same_v<T, Descriptor>) f(m.kind, m.address, m.number);
  if constexpr (std::is_same_v<T, TicketKeys>) f(m.keys);
  if constexpr (std::is_same_v<T, ShardWord>) f(m.shard, m.state, m.version, m.local);
  if constexpr (std::is_same_v<T, Ban>) f(m.kind, m.text, m.status, m.local);
  if constexpr (std::is_same_v<T, Table>) f(m.last, m.bytes);
  if constexpr (std::is_same_v<T, Prepared>) f(m.upgrade_socket);
  if constexpr (std::is_same_v<T, Refused>) f(m.reason);
  if constexpr (std::is_same_v<T, Ask>) f(m.number, m.kind, m.key, m.region, m.shard, m.query);
  if constexpr (std::is_same_v<T, Answer>)
    f(m.number, m.refusal, m.shard, m.address, m.why, m.sticky, m.provisional, m.generation, m.tls);
  if constexpr (std::is_same_v<T, Holds>) f(m.key, m.count);
  if constexpr (std::is_same_v<T, CloseTunnels>) f(m.key, m.shard, m.window_milliseconds);
  if constexpr (std::is_same_v<T, Follow>) f(m.upgrade_socket);
  if constexpr (std::is_same_v<T, Found>) f(m.question, m.name, m.address, m.weighted, m.weight);
  if constexpr (std::is_same_v<T, Drain>)
    f(m.shard, m.age_milliseconds, m.rooms_at_start, m.has_deadline, m.milliseconds_left, m.empty);
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  template <class... Fields>
  void operator()(const Fields&... fields) {
    (write(fields), ...);
  }

 private:
  void write(const std::string& text) {
    write(static_cast<std::uint32_t>(text.size()));
    out_ += text;
  }
  void write(LaterFlag flag) { write(flag.set); }
  template <class Number>
  void write(Number number) {
    const auto value = static_cast<std::uint64_t>(number);
    for (std::size_t i = sizeof(Number); i-- > 0;) out_.push_back(static_cast<char>(value >> (8 * i)));
  }
  std::string& out_;
};

class Reader {
 public:
  explicit Reader(ByteView bytes) : in_(bytes) {}
  template <class... Fields>
  void operator()(Fields&... fields) {
    (read(fields), ...);
  }
  bool failed() const { return failed_ || in_.failed(); }

 private:
  void read(std::string& text) { text = as_text(in_.bytes(in_.u32())); }
  void read(std::uint8_t& number) { number = in_.u8(); }
  void read(std::uint32_t& number) { number = in_.u32(); }
  void read(std::uint64_t& number) { number = in_.u64(); }
  void read(bool& flag) { flag = in_.u8() != 0; }
  void read(LaterFlag& flag) { flag.set = in_.left() > 0 && in_.u8() != 0; }
  void read(Hello::Role& role) { role = one_of(Hello::Role::left); }
  void read(Descriptor::Kind& kind) { kind = one_of(Descriptor::Kind::upgrade_socket); }
  template <class Enum>
  Enum one_of(Enum last) {
    const std::uint8_t value = in_.u8();
    failed_ = failed_ || value > static_cast<std::uint8_t>(last);
    return static_cast<Enum>(value);
  }
  ByteReader in_;
  bool failed_ = false;
};

template <std::size_t I>
std::optional<Message> read_as(ByteView bytes) {
  std::variant_alternative_t<I, Message> message;
  Reader reader(bytes);
  with_fields(message, reader);
  if (reader.failed()) return std::nullopt;
  return Message(std::move(message));
}

template <std::size_t... I>
constexpr auto readers(std::index_sequence<I...>) {
  return std::array{&read_as<I>...};
}
constexpr auto kReaders = readers(std::make_index_sequence<std::variant_size_v<Message>>());

}  // namespace

void append(const Message& message, std::string& out) {
  const std::size_t begin = out.size();
  out.append(kSizeBytes, '\0');
  // The number of a type is its place in Message: new ones go to the end.
  out.push_back(static_cast<char>(message.index()));
  std::visit([&out](const auto& m) { with_fields(m, Writer(out)); }, message);
  std::array<std::uint8_t, kSizeBytes> size{};
  store32(size.data(), static_cast<std::uint32_t>(out.size() - begin - kSizeBytes));
  out.replace(begin, kSizeBytes, as_text(size));
}

Result<Parsed, std::string_view> parse(ByteView bytes) {
  using namespace std::string_view_literals;
  if (bytes.size() < kSizeBytes) return Parsed{};
  const std::size_t size = load32(bytes.data());
  if (size == 0 || size > kMostMessage) return fail("it has no size that makes sense"sv);
  if (bytes.size() < kSizeBytes + size) return Parsed{};
  Parsed parsed{.size = kSizeBytes + size, .message = std::nullopt};
  const std::uint8_t type = bytes[kSizeBytes];
  if (type >= kReaders.size()) return parsed;
  parsed.message = kReaders[type](bytes.subspan(kSizeBytes + 1, size - 1));
  if (!parsed.message) return fail("its fields make no sense"sv);
  return parsed;
}

}  // namespace roomgate::router::handover
