// Real sessions of HAProxy 2.6 and 3.5, where they lie beside the checkout: every byte is understood as the
// listing beside it says, and what is written anew is what was there.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <sstream>

#include "peers-sync/codec/handshake.hpp"
#include "peers-sync/codec/message.hpp"
#include "peers-sync/codec/update.hpp"
#include "tests/support/corpora.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::codec;

namespace {

std::string bytes_of(const std::filesystem::path& file) {
  std::istringstream lines(tests::read_file(file));
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#') || line.starts_with('@')) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) out.push_back(static_cast<char>(std::stoi(word, nullptr, 16)));
  }
  return out;
}

struct Listed {
  std::size_t offset = 0;
  std::size_t size = 0;
  int klass = 0;
  int type = 0;
  std::string text;
};

// "  1.2305  C->S  @33      22 B  class 10 type 130 TABLE_DEF len=19 ..."; other lines are the handshake's
// and TCP's.
std::vector<Listed> listed_of(const std::filesystem::path& file, const std::string& direction) {
  std::istringstream lines(tests::read_file(file));
  std::vector<Listed> out;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string time, way, at, unit, klass, type;
    Listed one;
    if (!(words >> time >> way >> at >> one.size >> unit >> klass >> one.klass >> type >> one.type)) continue;
    if (way != direction || klass != "class" || !at.starts_with('@')) continue;
    one.offset = std::stoul(at.substr(1));
    std::getline(words, one.text);
    out.push_back(std::move(one));
  }
  return out;
}

// NAME=VALUE or NAME='VALUE' of a line.
std::string field(const std::string& text, const std::string& name) {
  const auto at = text.find(' ' + name + '=');
  if (at == std::string::npos) return {};
  std::string value = text.substr(at + name.size() + 2);
  if (value.starts_with('\'')) value.erase(0, 1);
  return value.substr(0, value.find_first_of("' "));
}

struct Direction {
  std::map<std::uint64_t, TableDefinition> tables;
  const TableDefinition* current = nullptr;
  std::size_t updates = 0;
  std::size_t malformed = 0;

  // The message as we would write it.
  std::string again(const Frame& frame, const Listed& listed) {
    std::string out;
    const auto message = read_message(frame);
    if (!message) {
      ++malformed;
      return as_whole(frame);
    }
    if (const auto* control = std::get_if<Control>(&*message)) append_control(*control, out);
    if (const auto* error = std::get_if<ErrorSaid>(&*message)) append_error(*error, out);
    if (const auto* ack = std::get_if<Ack>(&*message)) {
      CHECK(std::to_string(ack->update) == field(listed.text, "update"));
      append_ack(*ack, out);
    }
    if (const auto* definition = std::get_if<TableDefinition>(&*message)) {
      CHECK(definition->name == field(listed.text, "name"));
      current = &(tables[definition->id] = *definition);
      append_definition(*definition, out);
    }
    if (const auto* update = std::get_if<UpdateBody>(&*message)) {
      REQUIRE(current != nullptr);
      const auto parsed = parse_update(update->type, update->body, *current);
      if (!parsed) {
        ++malformed;
        return as_whole(frame);
      }
      ++updates;
      CHECK(current->name == field(listed.text, "table"));
      if (parsed->id) CHECK(std::to_string(*parsed->id) == field(listed.text, "update"));
      if (current->key_type == static_cast<std::uint64_t>(KeyType::string)) {
        CHECK(parsed->key == field(listed.text, "key"));
      }
      append_update(*parsed, *current, out);
    }
    CHECK(!std::holds_alternative<UnusableDefinition>(*message));
    CHECK(!std::holds_alternative<Skipped>(*message));
    return out;
  }

  static std::string as_whole(const Frame& frame) {
    const auto* begin = frame.body.empty() ? nullptr : frame.body.data() + frame.body.size() - frame.size;
    return begin == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(begin), frame.size);
  }
};

}  // namespace

TEST_CASE("every captured byte is understood, and written again as it was") {
  const auto folder = tests::corpora() / "../facts/peers-captures";
  if (!std::filesystem::is_directory(folder)) {
    std::puts("skipped: no captures");
    return;
  }
  std::size_t messages = 0;
  std::size_t updates = 0;
  std::map<std::string, std::size_t> malformed;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".hex")) continue;
    const std::string session = name.substr(0, name.size() - std::string(".c2s.hex").size());
    const bool from_client = name.ends_with("c2s.hex");
    const std::string bytes = bytes_of(entry.path());
    const auto listed = listed_of(folder / (session + ".decoded.txt"), from_client ? "C->S" : "S->C");
    CAPTURE(name);
    ByteView rest = as_bytes(bytes);
    if (from_client) {
      const auto hello = read_hello(rest);
      // Set 05 has hellos that are meant to be refused.
      if (!hello) continue;
      if (hello->has_value()) rest = rest.subspan((*hello)->size);
    } else if (const auto status = read_status(rest); status && status->has_value()) {
      rest = rest.subspan((*status)->size);
    }
    Direction direction;
    std::size_t at = 0;
    while (!rest.empty()) {
      const auto frame = next_frame(rest);
      REQUIRE((frame && frame->has_value()));
      REQUIRE(at < listed.size());
      CHECK(listed[at].offset == bytes.size() - rest.size());
      CHECK(listed[at].size == (*frame)->size);
      CHECK(listed[at].klass == (*frame)->klass);
      CHECK(listed[at].type == (*frame)->type);
      const std::string again = direction.again(**frame, listed[at]);
      if (!again.empty()) CHECK(again == as_text(rest.first((*frame)->size)));
      rest = rest.subspan((*frame)->size);
      ++at;
    }
    CHECK(at == listed.size());
    messages += at;
    updates += direction.updates;
    if (direction.malformed > 0) malformed[session] = direction.malformed;
  }
  std::printf("%zu messages, %zu updates\n", messages, updates);
  CHECK(updates > 50);
  // Only those that were sent to see what happens.
  CHECK(malformed == std::map<std::string, std::size_t>{{"05-refused.5", 1}, {"05-refused.6", 1}});
}
