#include "peers-sync/redis/protocol.hpp"

#include <hiredis/hiredis.h>

#include <cstdlib>

namespace roomgate::peers_sync::redis {
namespace {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

constexpr int kMaxItems = 100'000;  // of one list; we ask for a thousand at a time

// hiredis makes room for as many items as a list says it has, before there is any.
redisReplyObjectFunctions* hiredis_own = nullptr;
template <class Count>
void* make_list(const redisReadTask* task, Count count) {
  if (count > static_cast<Count>(kMaxItems)) return nullptr;
  return hiredis_own->createArray(task, count);
}
redisReplyObjectFunctions* bounded(redisReplyObjectFunctions* own) {
  static redisReplyObjectFunctions functions = [own] {
    hiredis_own = own;
    redisReplyObjectFunctions copy = *own;
    copy.createArray = make_list;
    return copy;
  }();
  return &functions;
}

// hiredis' reader allows a depth of seven.
Reply reply_of(const redisReply& from) {
  Reply reply;
  const auto text = [&from] { return std::string(from.str, from.len); };
  switch (from.type) {
    case REDIS_REPLY_STRING: reply = {.kind = Reply::Kind::text, .text = text()}; break;
    case REDIS_REPLY_STATUS: reply = {.kind = Reply::Kind::status, .text = text()}; break;
    case REDIS_REPLY_ERROR: reply = {.kind = Reply::Kind::error, .text = text()}; break;
    case REDIS_REPLY_INTEGER:
      reply.kind = Reply::Kind::number;
      reply.number = from.integer;
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = Reply::Kind::list;
      reply.items.reserve(from.elements);
      for (std::size_t i = 0; i < from.elements; ++i) reply.items.push_back(reply_of(*from.element[i]));
      break;
    default: break;
  }
  return reply;
}

}  // namespace

std::string encode_command(std::span<const std::string> words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* out = nullptr;
  const int size = redisFormatCommandArgv(&out, static_cast<int>(words.size()), texts.data(), sizes.data());
  if (size < 0) return {};
  std::string command(out, static_cast<std::size_t>(size));
  redisFreeCommand(out);
  return command;
}

void Decoder::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

Decoder::Decoder(std::size_t max_bytes) : reader_(redisReaderCreate()), max_bytes_(max_bytes) {
  reader_->fn = bounded(reader_->fn);
}
Decoder::~Decoder() = default;

Result<void, std::string> Decoder::feed(ByteView bytes) {
  pending_ += bytes.size();
  if (pending_ > max_bytes_) return fail(std::string("a reply is too long"));
  if (redisReaderFeed(reader_.get(), reinterpret_cast<const char*>(bytes.data()), bytes.size()) != REDIS_OK) {
    return fail(std::string(reader_->errstr));
  }
  return {};
}

Result<std::optional<Reply>, std::string> Decoder::next() {
  void* raw = nullptr;
  if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) return fail(std::string(reader_->errstr));
  if (raw == nullptr) return std::optional<Reply>();
  pending_ = 0;
  const std::unique_ptr<redisReply, FreeReply> reply(static_cast<redisReply*>(raw));
  return std::optional<Reply>(reply_of(*reply));
}

}  // namespace roomgate::peers_sync::redis
