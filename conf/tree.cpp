#include "conf/tree.hpp"

#include <fstream>
#include <iterator>
#include <sstream>
#include <toml.hpp>

namespace roomgate::conf {
namespace {

Node to_node(const toml::value& value) {
  Node node;
  node.line = static_cast<int>(value.location().line());
  switch (value.type()) {
    case toml::value_t::boolean: node.value = value.as_boolean(); break;
    case toml::value_t::integer: node.value = std::int64_t{value.as_integer()}; break;
    case toml::value_t::floating: node.value = value.as_floating(); break;
    case toml::value_t::string: node.value = value.as_string().str; break;
    case toml::value_t::array: {
      Node::List list;
      for (const toml::value& item : value.as_array()) list.push_back(to_node(item));
      node.value = std::move(list);
      break;
    }
    case toml::value_t::table: {
      Node::Table table;
      for (const auto& [key, item] : value.as_table()) table.emplace(key, to_node(item));
      node.value = std::move(table);
      break;
    }
    // Dates have no use in our settings; as text they get the type error of the key they stand for.
    case toml::value_t::offset_datetime:
    case toml::value_t::local_datetime:
    case toml::value_t::local_date:
    case toml::value_t::local_time:
    case toml::value_t::empty: node.value = std::string("(date)"); break;
  }
  return node;
}

// The library's report is a picture of several lines; its first line says what, " --> " lines say where.
Mistake to_mistake(const std::string& what, const std::string& file) {
  Mistake mistake{.file = file, .line = 0, .key = "", .text = ""};
  std::istringstream lines(what);
  std::string line;
  while (std::getline(lines, line)) {
    if (mistake.text.empty()) {
      const std::size_t at = line.find("[error] ");
      mistake.text = at == std::string::npos ? line : line.substr(at + 8);
      while (mistake.text.starts_with("toml::")) mistake.text.erase(0, mistake.text.find(' ') + 1);
    }
    const std::size_t bar = line.find(" | ");
    if (mistake.line == 0 && bar != std::string::npos) {
      const std::string number = line.substr(0, bar);
      if (number.find_first_not_of(" 0123456789") == std::string::npos &&
          number.find_first_of("0123456789") != std::string::npos) {
        mistake.line = std::stoi(number);
      }
    }
  }
  return mistake;
}

}  // namespace

std::string Mistake::to_string() const {
  return file + ":" + std::to_string(line) + ": " + (key.empty() ? "" : key + ": ") + text;
}

Result<Node, Mistake> parse_toml(const std::string& text, const std::string& file) {
  // The library throws; settings are read at start and on reload only, and nothing is thrown past this
  // function.
  try {
    std::istringstream stream(text);
    return to_node(toml::parse(stream, file));
  } catch (const std::exception& error) {
    return fail(to_mistake(error.what(), file));
  }
}

Result<Node, Mistake> read_toml_file(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return fail(Mistake{.file = file, .line = 0, .key = "", .text = "cannot be opened for reading"});
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  return parse_toml(text, file);
}

}  // namespace roomgate::conf
