// A chunked body: however it is cut, the payload and the verdict are the same; a second, plain reader sees
// the same payload; and encoded anew it decodes to it.
#include <string>
#include <vector>

#include "router/body/body.hpp"
#include "router/http/chunked.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/router/http/plain_reader.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::http;

namespace {

struct Decoded {
  std::string payload;
  std::size_t consumed = 0;
  bool failed = false;
  bool done = false;

  friend bool operator==(const Decoded&, const Decoded&) = default;
};

void feed(ChunkedDecoder& decoder, ByteView in, Decoded& result) {
  while (!in.empty() && !decoder.done() && !result.failed) {
    const auto step = decoder.next(in);
    if (!step) {
      result.failed = true;
      break;
    }
    require(step->consumed > 0);
    result.payload.append(as_text(step->payload));
    result.consumed += step->consumed;
    in = in.subspan(step->consumed);
  }
  result.done = decoder.done();
}

Decoded decode(ByteView in, std::size_t piece) {
  ChunkedDecoder decoder;
  Decoded result;
  while (!in.empty() && !result.done && !result.failed) {
    const auto next = in.first(std::min(piece, in.size()));
    in = in.subspan(next.size());
    feed(decoder, next, result);
  }
  return result;
}

Decoded decode_cut(ByteView in, std::size_t cut) {
  ChunkedDecoder decoder;
  Decoded result;
  feed(decoder, in.first(cut), result);
  feed(decoder, in.subspan(cut), result);
  return result;
}

// As a relay takes it: payload moved together within the buffer, framed anew for the other side.
std::string relayed(ByteView in, std::size_t piece) {
  body::Reader reader({Framing::Kind::chunked, 0});
  body::Writer writer({Framing::Kind::chunked, 0});
  std::string out;
  while (!in.empty() && !reader.done()) {
    std::vector<std::uint8_t> buffer(in.begin(),
                                     in.begin() + static_cast<std::ptrdiff_t>(std::min(piece, in.size())));
    in = in.subspan(buffer.size());
    const auto step = reader.next(buffer);
    require(step.ok());
    const auto parts = writer.frame(step->payload, reader.done());
    for (const ByteView part : parts.span()) out.append(as_text(part));
  }
  require(reader.done());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const Decoded whole = decode(input, size);
  const Decoded bytes = decode(input, 1);
  require(whole.payload == bytes.payload && whole.failed == bytes.failed && whole.done == bytes.done);
  require(whole.failed || whole.consumed == bytes.consumed);
  const std::size_t step = size / 128 + 1;
  for (std::size_t cut = 0; cut <= size; cut += step) {
    const Decoded pieces = decode_cut(input, cut);
    require(pieces.payload == whole.payload && pieces.failed == whole.failed && pieces.done == whole.done);
  }

  if (whole.done) {
    const auto plain = read_chunks_plainly(as_text(input));
    require(plain.has_value() && plain->first == whole.payload && plain->second == whole.consumed);
    for (std::size_t piece : {size, std::size_t{1}, std::size_t{7}}) {
      const std::string out = relayed(input.first(whole.consumed), piece);
      const auto read = read_chunks_plainly(out);
      require(read.has_value() && read->first == whole.payload && read->second == out.size());
    }
  }

  std::string again;
  if (!whole.payload.empty()) {
    again.append(chunk_header(whole.payload.size()).text()).append(whole.payload).append(kChunkEnd);
  }
  again.append(kLastChunk);
  const Decoded twice = decode(as_bytes(again), 5);
  require(twice.done && twice.payload == whole.payload && twice.consumed == again.size());
  return 0;
}
