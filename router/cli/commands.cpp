#include "router/cli/commands.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "conf/binder.hpp"
#include "router/admin/nearest.hpp"
#include "router/cli/actions.hpp"

namespace roomgate::router::cli {
namespace {

// A command that talks to a gate, with what all of them take. `Options` lives as long as the command may run.
template <class Options = Endpoint>
struct Command {
  CLI::App* app;
  std::shared_ptr<Endpoint> gate;
  std::shared_ptr<Options> options;
};

template <class Options = Endpoint>
Command<Options> add(CLI::App& app, const char* name, const char* help) {
  Command<Options> command{app.add_subcommand(name, help), std::make_shared<Endpoint>(),
                           std::make_shared<Options>()};
  command.app
      ->add_option("--admin", command.gate->url,
                   "http://ADDRESS:PORT or unix:/PATH of the admin endpoint; else the one socket in "
                   "/run/roomgate, or port 9090 here")
      ->envname("ROOMGATE_ADMIN");
  command.app
      ->add_option("--token-file", command.gate->token_file, "file with the token that changes need over TCP")
      ->envname("ROOMGATE_TOKEN_FILE");
  command.app->add_flag("--json", command.gate->as_json, "the answer as JSON, for programs");
  return command;
}

// With a front door alone both are the same.
void add_local(CLI::App* command, bool& local) {
  const std::string help = "at this front door only, not at its peers; the same where it has none";
  command->add_flag("--local", local, help);
}

CLI::Validator duration() {
  return CLI::Validator(
      [](const std::string& text) {
        const auto parsed = conf::parse_duration(text);
        return parsed ? std::string() : parsed.error();
      },
      "DURATION");
}

void add_views(CLI::App& app, Action& action) {
  using Show = int (*)(const Endpoint&);
  const auto view = [&](const char* name, const char* help, Show show) {
    const auto command = add(app, name, help);
    command.app->callback(
        [&action, gate = command.gate, show] { action = [gate, show] { return show(*gate); }; });
  };
  view("status", "how this front door is", show_status);
  view("shards", "the shards, and how they are", show_shards);
  view("peers", "the other front doors", show_peers);
  view("bans", "what is banned", show_bans);
  view("discovery", "what DNS says about shards", show_discovery);
}

void add_states(CLI::App& app, Action& action) {
  const auto drain_command =
      add<Drain>(app, "drain", "no new rooms on a shard; those that are there end in peace");
  drain_command.app->add_option("SHARD", drain_command.options->shard, "the shard's name")->required();
  drain_command.app->add_flag("--wait", drain_command.options->wait,
                              "show what is left, and end when nothing is; Ctrl-C leaves the drain on");
  drain_command.app
      ->add_option("--deadline", drain_command.options->deadline,
                   "after so long, what is left is moved: 30m, 2h")
      ->check(duration());
  add_local(drain_command.app, drain_command.options->local);
  drain_command.app->callback([&action, gate = drain_command.gate, wanted = drain_command.options] {
    action = [gate, wanted] { return drain(*gate, *wanted); };
  });

  for (const auto& [name, help] :
       {std::pair{"ready", "a shard as usual"}, std::pair{"maint", "nothing at all to a shard"}}) {
    const auto command = add<State>(app, name, help);
    command.options->state = name;
    command.app->add_option("SHARD", command.options->shard, "the shard's name")->required();
    add_local(command.app, command.options->local);
    command.app->callback([&action, gate = command.gate, wanted = command.options] {
      action = [gate, wanted] { return set_state(*gate, *wanted); };
    });
  }
}

void add_rooms(CLI::App& app, Action& action) {
  const auto list = add<RoomList>(app, "rooms", "the rooms, and where they are");
  list.app->add_option("--prefix", list.options->prefix, "only those that begin with this");
  list.app->add_option("--shard", list.options->shard, "only those on this shard");
  list.app->add_option("--sort", list.options->sort, "name, or tunnels: the busiest first")
      ->check(CLI::IsMember({"name", "tunnels"}));
  list.app->add_option("--limit", list.options->limit, "at most so many, and never more than 10000")
      ->capture_default_str();
  list.app->add_flag("--split", list.options->split,
                     "only those that have two homes, as a partition of the front doors leaves them");
  list.app->callback([&action, gate = list.gate, wanted = list.options] {
    action = [gate, wanted] { return show_rooms(*gate, *wanted); };
  });

  const auto one = add<Room>(app, "room", "one room: where it is and why; moved or forgotten");
  one.app->add_option("KEY", one.options->key, "ROOM or TENANT/ROOM, in any spelling")->required();
  auto* move = one.app->add_option("--move", one.options->move_to,
                                   "to this shard; its tunnels are closed gently and come back there");
  one.app->add_flag("--forget", one.options->forget, "drop its entry; the next request decides anew")
      ->excludes(move);
  add_local(one.app, one.options->local);
  one.app->callback([&action, gate = one.gate, wanted = one.options] {
    action = [gate, wanted] { return one_room(*gate, *wanted); };
  });
}

void add_bans(CLI::App& app, Action& action) {
  using Change = int (*)(const Endpoint&, const Ban&);
  const auto change = [&](const char* name, const char* help, Change what) {
    const auto command = add<Ban>(app, name, help);
    auto* pattern = command.app->add_option_group("pattern", "one of");
    for (const auto& [kind, kind_help] :
         {std::pair{"room", "ROOM or TENANT/ROOM"}, std::pair{"prefix", "every room that begins with this"},
          std::pair{"tenant", "every room of this tenant"}}) {
      pattern->add_option_function<std::string>(
          std::string("--") + kind,
          [options = command.options, kind = std::string(kind)](const std::string& text) {
            options->kind = kind;
            options->text = text;
          },
          kind_help);
    }
    pattern->require_option(1);
    add_local(command.app, command.options->local);
    command.app->callback([&action, gate = command.gate, wanted = command.options, what] {
      action = [gate, wanted, what] { return what(*gate, *wanted); };
    });
    return command;
  };
  const auto set = change("ban", "refuse rooms", ban);
  set.app->add_option("--status", set.options->status, "403, or 429: later perhaps")
      ->check(CLI::IsMember({403, 429}))
      ->capture_default_str();
  change("unban", "lift a ban", unban);
}

}  // namespace

void add_commands(CLI::App& app, Action& action) {
  add_views(app, action);
  add_rooms(app, action);
  add_states(app, action);
  add_bans(app, action);
}

std::string unknown_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (word.starts_with('-') || std::ranges::find(names, word) != names.end()) return {};
  const auto meant = admin::nearest(word, names);
  return "no such command: " + word + (meant.empty() ? "" : "; did you mean " + std::string(meant) + "?");
}

}  // namespace roomgate::router::cli
