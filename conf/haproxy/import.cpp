#include "conf/haproxy/import.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "conf/gate.hpp"
#include "conf/haproxy/parts.hpp"

namespace roomgate::conf::haproxy {
namespace {

bool is_defaults_of_way(const Import& in, const Section& section) {
  const auto stands_on = [&section](const Section* each) {
    int depth = 0;
    for (const Section* at = each->base; at != nullptr && depth < 16; at = at->base, ++depth) {
      if (at == &section) return true;
    }
    return false;
  };
  return std::any_of(in.way.fronts.begin(), in.way.fronts.end(), stands_on) ||
         std::any_of(in.way.rooms.begin(), in.way.rooms.end(), stands_on);
}

// A section that is not on the way: one that only shows how HAProxy is has an equal here.
Known reason_of_section(const Section& section) {
  if (!section.is_proxy()) return {Left::needless, "Not needed by anything above: " + section.title};
  const Line* shows = nullptr;
  for (const Line* line : section.lines) {
    const std::string& word = line->words[0];
    if (word == "server" || word == "use_backend" || word == "default_backend") {
      shows = nullptr;
      break;
    }
    if (word == "stats" || word == "monitor-uri") shows = line;
  }
  if (shows != nullptr) return known_reason(*shows);
  return {Left::lost, "The way to the rooms does not lead through " + section.title +
                          ": another proxy has to do what it does"};
}

// Whatever the parts did not take.
void account_for_the_rest(Import& in) {
  for (const Line* line : in.config.stray()) {
    const char* why =
        line->malformed ? "These lines could not be read: a quote that does not end, a wrong \\x, or no UTF-8"
        : line->conditional ? "Conditions (.if ... .endif) are not followed; nothing between them is read"
                            : "These lines stand before the first section";
    in.account.left(*line, Left::lost, why);
  }
  for (const Section& section : in.config.sections()) {
    const bool on_way = in.way.has(section) || is_defaults_of_way(in, section);
    if (on_way || section.kind == Kind::global || section.kind == Kind::peers ||
        (section.kind == Kind::resolvers && in.account.knows(*section.head))) {
      in.account.carried(*section.head);
      for (const Line* line : section.lines) {
        if (in.account.knows(*line)) {
          continue;
        }
        const Known known = known_reason(*line);
        in.account.left(*line, known.how, known.why);
      }
      continue;
    }
    const Known known = reason_of_section(section);
    in.account.left(*section.head, known.how, known.why);
    for (const Line* line : section.lines) {
      if (!in.account.knows(*line)) in.account.left(*line, known.how, known.why);
    }
  }
}

void account_for_variables(Account& account, const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    if (line.has_variable && account.knows(line)) {
      account.left(
          line, Left::lost,
          "Environment variables are not filled in: where one is in a value above, put its value there");
    }
  }
}

std::string titles(const std::vector<const Section*>& sections) {
  std::string out;
  for (const Section* section : sections) out += (out.empty() ? "" : ", ") + section->title;
  return out;
}

std::string print(const Import& in, std::string_view file) {
  const std::size_t lost = in.account.count(Left::lost);
  std::string out =
      wrapped(printable("Made by `roomgate import` from " + std::string(file) + ": clients come in by " +
                        titles(in.way.fronts) + ", rooms go to the servers of " + titles(in.way.rooms) + "."),
              "# ", "# ");
  out += wrapped(lost == 0 ? "All that HAProxy did there is in these settings."
                           : "At the end is what has no setting here: " + std::to_string(lost) +
                                 (lost == 1 ? " line" : " lines") + " that a person should look at.",
                 "# ", "# ");
  out += "# Read it, then: roomgate check --config FILE\n";
  out += in.draft.print();
  const std::string lost_lines = in.account.print(Left::lost);
  const std::string needless = in.account.print(Left::needless);
  if (!lost_lines.empty()) {
    out += "\n# Left out, please look: HAProxy did this, and the settings above do not.\n#\n" + lost_lines;
  }
  if (!needless.empty()) {
    out += "\n# Left out, nothing to do: the gate does it without being told, or has no use for it.\n#\n" +
           needless;
  }
  return out;
}

}  // namespace

Result<std::string, std::string> import_text(std::string_view text, std::string_view file,
                                             const Limits& limits) {
  const auto lines = read_lines(text, limits);
  if (!lines) return fail(lines.error());
  const Config config(*lines);
  Account account;
  Draft draft;
  Import in{.config = config, .account = account, .draft = draft, .way = find_way(config)};
  if (in.way.rooms.empty()) {
    return fail(std::string("nothing to route: no backend or listen section of mode http has a server"));
  }
  if (in.way.fronts.empty()) {
    return fail("nothing to route: no frontend leads to " + in.way.rooms[0]->title);
  }
  if (!import_listeners(in)) {
    return fail("nothing to listen on: no bind line of " + titles(in.way.fronts) +
                " has an IP address and a port");
  }
  find_table(in);
  import_rooms(in);
  if (!import_shards(in)) {
    return fail("nothing to route to: no server of " + titles(in.way.rooms) +
                " has an address or a name with a port");
  }
  import_peers(in);
  import_rest(in);
  account_for_the_rest(in);
  account_for_variables(account, *lines);

  // That it loads is a promise: were it broken, the operator hears it from us and not from `serve`.
  std::string settings = print(in, file);
  const auto loaded = parse_gate(settings, "roomgate.toml");
  if (loaded) return settings;
  std::string mistakes = "these settings were made of it, but they do not load:";
  for (const Mistake& mistake : loaded.error()) mistakes += "\n" + mistake.to_string();
  return fail(std::move(mistakes));
}

Result<std::string, std::string> import_file(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail(std::string("cannot be opened for reading"));
  // One byte more than may be there tells a file that is too large, and /dev/zero ends.
  const Limits limits;
  std::string text(limits.file_bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return fail(std::string("cannot be read"));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  const auto slash = file.rfind('/');
  return import_text(text, slash == std::string::npos ? file : file.substr(slash + 1), limits);
}

}  // namespace roomgate::conf::haproxy
