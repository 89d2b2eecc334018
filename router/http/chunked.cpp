#include "router/http/chunked.hpp"

#include <algorithm>
#include <charconv>

#include "router/http/syntax.hpp"

namespace roomgate::router::http {

Result<ChunkedDecoder::Step, ParseError> ChunkedDecoder::next(ByteView in) {
  Step result;
  while (result.consumed < in.size() && state_ != State::done) {
    if (state_ == State::data) {
      const auto available = static_cast<std::uint64_t>(in.size() - result.consumed);
      const auto take = static_cast<std::size_t>(std::min(available, left_));
      result.payload = in.subspan(result.consumed, take);
      result.consumed += take;
      left_ -= take;
      if (left_ == 0) state_ = State::data_return;
      return result;
    }
    const auto after = step(static_cast<char>(in[result.consumed]));
    if (!after) {
      state_ = State::failed;
      error_ = after.error();
      return fail(error_);
    }
    state_ = *after;
    ++result.consumed;
  }
  if (state_ == State::failed) return fail(error_);
  return result;
}

Result<ChunkedDecoder::State, ParseError> ChunkedDecoder::step(char c) {
  // Extensions: ";" name [ "=" value ], as often as wished, no white space (RFC 9112 7.1.1 has it only for
  // the sake of old senders, and it is a known way to make two readers disagree).
  const auto extension = [this](State state) -> Result<State, ParseError> {
    if (++extension_bytes_ > limits_.max_extension_bytes) return fail(ParseError::chunk_extension);
    return state;
  };
  const auto trailer = [this](State state) -> Result<State, ParseError> {
    if (++trailer_bytes_ > limits_.max_trailer_bytes) return fail(ParseError::trailer);
    return state;
  };
  switch (state_) {
    case State::size_first:
      left_ = 0;
      digits_ = 0;
      extension_bytes_ = 0;
      if (hex_digit(c) < 0) return fail(ParseError::chunk_size);
      [[fallthrough]];
    case State::size: {
      if (c == '\r') return State::size_line_feed;
      if (c == ';') return extension(State::extension_name_first);
      const int digit = hex_digit(c);
      if (digit < 0 || ++digits_ > limits_.max_size_digits) return fail(ParseError::chunk_size);
      left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
      return State::size;
    }
    case State::extension_name_first:
      if (is_token_char(c)) return extension(State::extension_name);
      return fail(ParseError::chunk_extension);
    case State::extension_name:
      if (is_token_char(c)) return extension(State::extension_name);
      if (c == '=') return extension(State::extension_value_first);
      if (c == ';') return extension(State::extension_name_first);
      if (c == '\r') return State::size_line_feed;
      return fail(ParseError::chunk_extension);
    case State::extension_value_first:
      if (is_token_char(c)) return extension(State::extension_value);
      if (c == '"') return extension(State::extension_quoted);
      return fail(ParseError::chunk_extension);
    case State::extension_value:
      if (is_token_char(c)) return extension(State::extension_value);
      if (c == ';') return extension(State::extension_name_first);
      if (c == '\r') return State::size_line_feed;
      return fail(ParseError::chunk_extension);
    case State::extension_quoted:
      if (c == '"') return extension(State::extension_quoted_end);
      if (c == '\\') return extension(State::extension_escaped);
      if (is_field_value({&c, 1})) return extension(State::extension_quoted);
      return fail(ParseError::chunk_extension);
    case State::extension_escaped:
      if (is_field_value({&c, 1})) return extension(State::extension_quoted);
      return fail(ParseError::chunk_extension);
    case State::extension_quoted_end:
      if (c == ';') return extension(State::extension_name_first);
      if (c == '\r') return State::size_line_feed;
      return fail(ParseError::chunk_extension);
    case State::size_line_feed:
      if (c != '\n') return fail(ParseError::chunk_size);
      return left_ > 0 ? State::data : State::trailer_first;
    case State::data_return:
      if (c != '\r') return fail(ParseError::chunk_end);
      return State::data_line_feed;
    case State::data_line_feed:
      if (c != '\n') return fail(ParseError::chunk_end);
      return State::size_first;
    case State::trailer_first:
      if (c == '\r') return State::last_line_feed;
      if (is_token_char(c)) return trailer(State::trailer_name);
      return fail(ParseError::trailer);
    case State::trailer_name:
      if (is_token_char(c)) return trailer(State::trailer_name);
      if (c == ':') return trailer(State::trailer_value);
      return fail(ParseError::trailer);
    case State::trailer_value:
      if (c == '\r') return trailer(State::trailer_line_feed);
      if (is_field_value({&c, 1})) return trailer(State::trailer_value);
      return fail(ParseError::trailer);
    case State::trailer_line_feed:
      if (c != '\n') return fail(ParseError::trailer);
      return State::trailer_first;
    case State::last_line_feed:
      if (c != '\n') return fail(ParseError::trailer);
      return State::done;
    case State::data:
    case State::done:
    case State::failed: break;
  }
  return fail(error_);
}

ChunkHeader chunk_header(std::uint64_t size) {
  ChunkHeader header;
  char* const begin = header.bytes.data();
  const auto written = std::to_chars(begin, begin + 16, size, 16);
  header.size = static_cast<std::size_t>(written.ptr - begin);
  header.bytes[header.size++] = '\r';
  header.bytes[header.size++] = '\n';
  return header;
}

}  // namespace roomgate::router::http
