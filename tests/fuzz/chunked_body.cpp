// A chunked body: whole and byte by byte give the same payload and verdict, and encoding the payload anew
// decodes to it.
#include <cstdlib>
#include <string>

#include "router/http/chunked.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

namespace {

struct Decoded {
  std::string payload;
  std::size_t consumed = 0;
  bool failed = false;
  bool done = false;
};

Decoded decode(ByteView in, std::size_t chop) {
  ChunkedDecoder decoder;
  Decoded result;
  while (!in.empty() && !decoder.done()) {
    const auto step = decoder.next(in.first(chop < in.size() ? chop : in.size()));
    if (!step) {
      result.failed = true;
      break;
    }
    if (step->consumed == 0) std::abort();
    result.payload.append(as_text(step->payload));
    result.consumed += step->consumed;
    in = in.subspan(step->consumed);
  }
  result.done = decoder.done();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Decoded whole = decode({data, size}, size);
  const Decoded bytes = decode({data, size}, 1);
  if (whole.payload != bytes.payload || whole.failed != bytes.failed || whole.done != bytes.done)
    std::abort();
  if (!whole.failed && whole.consumed != bytes.consumed) std::abort();

  std::string again;
  if (!whole.payload.empty()) {
    again.append(chunk_header(whole.payload.size()).text()).append(whole.payload).append(kChunkEnd);
  }
  again.append(kLastChunk);
  const Decoded twice = decode(as_bytes(again), 5);
  if (!twice.done || twice.payload != whole.payload || twice.consumed != again.size()) std::abort();
  return 0;
}
