// The commands that ask a running gate: which words there are and what they take. What they do is in
// actions.hpp. Main's thread.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <string>

namespace roomgate::router::cli {

// What was asked for; gives the exit code. Set when a command has been parsed.
using Action = std::function<int()>;

void add_commands(CLI::App& app, Action& action);

// For who mistyped a command: "no such command: drian; did you mean drain?"; empty: it is one of them.
std::string unknown_command(const CLI::App& app, const std::string& word);

}  // namespace roomgate::router::cli
