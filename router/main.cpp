// roomgate: the command line. `serve` runs a front door, `check` reads its settings, the rest talks to a
// running one through its admin endpoint. Exit codes: 0 done, 1 bad settings or refused, 2 wrong usage.
#include <CLI/CLI.hpp>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "conf/gate.hpp"
#include "conf/haproxy/import.hpp"
#include "router/admin/client.hpp"
#include "router/gate/credentials.hpp"
#include "router/gate/from_conf.hpp"
#include "router/gate/gate.hpp"

namespace {

using namespace roomgate::router;
namespace json = boost::json;
using roomgate::Result;

constexpr int kDone = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;

// One line for each mistake, FILE:LINE: key: what is wrong and what is allowed.
Result<gate::Options, std::string> read_settings(const std::string& file) {
  const auto loaded = roomgate::conf::load_gate(file);
  if (!loaded) {
    std::string text;
    for (const auto& mistake : loaded.error()) text += (text.empty() ? "" : "\n") + mistake.to_string();
    return roomgate::fail(std::move(text));
  }
  auto options = gate::from_conf(*loaded);
  if (!options) return roomgate::fail(file + ": " + options.error());
  return options;
}

int check(const std::string& file) {
  const auto options = read_settings(file);
  if (!options) {
    std::cerr << options.error() << '\n';
    return kRefused;
  }
  // Certificates are part of the settings: a file that cannot be read is found by `check`, not at night.
  const auto credentials = gate::read_credentials(options->listen, options->shards, {}, std::time(nullptr));
  if (!credentials) {
    std::cerr << file << ": " << credentials.error() << '\n';
    return kRefused;
  }
  for (const auto& warning : credentials->warnings) std::cerr << "warning: " << warning << '\n';
  return kDone;
}

int import(const std::string& file) {
  const auto settings = roomgate::conf::haproxy::import_file(file);
  if (!settings) {
    std::cerr << file << ": " << settings.error() << '\n';
    return kRefused;
  }
  std::cout << *settings;
  return kDone;
}

int serve(const std::string& file) {
  auto options = read_settings(file);
  if (!options) {
    std::cerr << options.error() << '\n';
    return kRefused;
  }
  roomgate::log::init("roomgate", roomgate::log::Level::info);
  roomgate::net::prepare_process();
  auto made = gate::Gate::make(std::move(options).value(), [file] { return read_settings(file); });
  if (!made) {
    LOG(error, "cannot_start", {"error", made.error()});
    return kRefused;
  }
  (*made)->run();
  return kDone;
}

// --- commands that ask a running gate

struct Asking {
  std::string url;
  std::string token_file;
  bool as_json = false;

  std::string token() const {
    std::string text;
    if (!token_file.empty()) {
      std::ifstream in(token_file);
      std::getline(in, text);
    }
    return text;
  }
};

// The parsed answer; nothing, with the reason on stderr, when there is none or it is a refusal.
std::optional<json::value> ask(const Asking& asking, std::string_view method, const std::string& path,
                               const std::string& body = "") {
  const auto url = asking.url.empty() ? admin::default_url() : asking.url;
  const auto answer = admin::ask(url, method, path, body, asking.token());
  if (!answer) {
    std::cerr << answer.error() << '\n';
    return std::nullopt;
  }
  boost::system::error_code error;
  auto parsed = json::parse(answer->body, error);
  if (error) {
    std::cerr << url << " answered " << answer->status << " without JSON\n";
    return std::nullopt;
  }
  if (answer->status == 200) return parsed;
  const auto* object = parsed.if_object();
  const auto* text = object == nullptr ? nullptr : object->if_contains("error");
  std::cerr << (text != nullptr && text->is_string() ? std::string(text->get_string()) : answer->body)
            << '\n';
  return std::nullopt;
}

std::string cell(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_double()) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f", value.get_double());
    return text.data();
  }
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  return json::serialize(value);
}

void print_table(const json::array& rows, const std::vector<std::string>& columns) {
  std::vector<std::size_t> widths;
  for (const auto& column : columns) {
    std::size_t width = column.size();
    for (const auto& row : rows) width = std::max(width, cell(row.at(column)).size());
    widths.push_back(width);
  }
  const auto print = [&](auto&& text_of) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool last = i + 1 == columns.size();
      std::printf("%-*s%s", last ? 0 : static_cast<int>(widths[i]), text_of(columns[i]).c_str(),
                  last ? "\n" : "  ");
    }
  };
  print([](const std::string& column) { return column; });
  for (const auto& row : rows) print([&row](const std::string& column) { return cell(row.at(column)); });
}

int show(const Asking& asking, const std::string& path, const char* list,
         const std::vector<std::string>& columns) {
  const auto answer = ask(asking, "GET", path);
  if (!answer) return kRefused;
  if (asking.as_json) {
    std::cout << json::serialize(*answer) << '\n';
  } else {
    print_table(answer->at(list).as_array(), columns);
  }
  return kDone;
}

int show_object(const Asking& asking, const std::string& path) {
  const auto answer = ask(asking, "GET", path);
  if (!answer) return kRefused;
  if (asking.as_json) {
    std::cout << json::serialize(*answer) << '\n';
    return kDone;
  }
  for (const auto& [key, value] : answer->as_object()) {
    std::printf("%-16s%s\n", std::string(key).c_str(), cell(value).c_str());
  }
  return kDone;
}

int change(const Asking& asking, std::string_view method, const std::string& path, const std::string& body) {
  const auto answer = ask(asking, method, path, body);
  if (!answer) return kRefused;
  if (asking.as_json) std::cout << json::serialize(*answer) << '\n';
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"roomgate: a front door that sends every request of a room to the same shard"};
  app.require_subcommand(1);
  std::string config;
  bool only_check = false;
  auto* serve_command = app.add_subcommand("serve", "run");
  serve_command->add_option("--config", config, "the settings file")->required();
  serve_command->add_flag("--check", only_check, "only validate the settings");
  auto* check_command = app.add_subcommand("check", "validate the settings");
  check_command->add_option("--config", config, "the settings file")->required();
  std::string haproxy;
  auto* import_command =
      app.add_subcommand("import", "a HAProxy configuration as settings, on standard output");
  import_command->add_option("FILE", haproxy, "haproxy.cfg")->required();

  Asking asking;
  const auto asks = [&asking, &app](const char* name, const char* help) {
    auto* command = app.add_subcommand(name, help);
    command->add_option("--admin", asking.url, "http://ADDRESS:PORT or unix:/PATH of the admin endpoint");
    command->add_option("--token-file", asking.token_file, "file with the token that changes need over TCP");
    command->add_flag("--json", asking.as_json, "the answer as JSON");
    return command;
  };
  auto* status_command = asks("status", "how this front door is");
  auto* shards_command = asks("shards", "the shards");
  auto* rooms_command = asks("rooms", "the rooms and where they are");
  auto* peers_command = asks("peers", "the other front doors");
  std::string prefix;
  std::size_t limit = 1000;
  rooms_command->add_option("--prefix", prefix, "only rooms that begin with this");
  rooms_command->add_option("--limit", limit, "at most so many");

  std::string shard;
  std::map<CLI::App*, std::string> states;
  for (const auto& [name, help] :
       {std::pair{"drain", "no new rooms on a shard"}, std::pair{"ready", "a shard as usual"},
        std::pair{"maint", "nothing at all to a shard"}}) {
    auto* command = asks(name, help);
    command->add_option("SHARD", shard, "the shard's name")->required();
    states[command] = name;
  }
  std::string key;
  bool forget = false;
  auto* room_command = asks("room", "one room");
  room_command->add_option("KEY", key, "ROOM or TENANT/ROOM")->required();
  room_command->add_flag("--forget", forget, "drop its entry; the next request decides anew");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }

  if (*serve_command) return only_check ? check(config) : serve(config);
  if (*check_command) return check(config);
  if (*import_command) return import(haproxy);
  if (*status_command) return show_object(asking, "/api/v1/status");
  if (*shards_command) {
    return show(asking, "/api/v1/shards", "shards",
                {"name", "address", "region", "weight", "state", "up", "rooms", "tunnels", "load", "reason"});
  }
  if (*rooms_command) {
    const auto path =
        "/api/v1/rooms?limit=" + std::to_string(limit) + "&prefix=" + roomgate::percent_encode(prefix);
    return show(asking, path, "rooms", {"room", "shard", "since", "tunnels", "origin", "generation"});
  }
  if (*peers_command) return show(asking, "/api/v1/peers", "peers", {"name", "address", "state"});
  for (const auto& [command, state] : states) {
    if (!*command) continue;
    return change(asking, "POST", "/api/v1/shards/" + roomgate::percent_encode(shard) + "/state",
                  json::serialize(json::object{{"state", state}}));
  }
  const auto room_path = "/api/v1/rooms/" + roomgate::percent_encode(key);
  return forget ? change(asking, "DELETE", room_path, "") : show_object(asking, room_path);
}
