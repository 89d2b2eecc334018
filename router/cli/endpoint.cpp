#include "router/cli/endpoint.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fstream>

#include "router/admin/client.hpp"
#include "router/admin/words.hpp"
#include "router/cli/text.hpp"

namespace roomgate::router::cli {
namespace {

namespace json = boost::json;

const json::value* find(const json::object& object, std::string_view name) {
  return object.if_contains({name.data(), name.size()});
}

}  // namespace

std::string Endpoint::Answer::refusal() const {
  if (const auto* object = body.if_object()) {
    if (std::string text = text_of(*object, "error"); !text.empty()) return text;
  }
  return "refused with " + std::to_string(status);
}

Result<Endpoint::Answer, std::string> Endpoint::ask(std::string_view method, const std::string& path,
                                                    const json::value& body) const {
  std::string token;
  if (!token_file.empty()) {
    std::ifstream in(token_file);
    if (!in || !std::getline(in, token)) return fail("cannot read the token from " + token_file);
  }
  const std::string place = url.empty() ? admin::default_url() : url;
  const auto got = admin::ask(place, method, path, body.is_null() ? "" : json::serialize(body), token);
  if (!got) return fail(got.error());
  boost::system::error_code wrong;
  Answer answer{.status = got->status, .body = json::parse(got->body, wrong)};
  if (wrong) return fail(place + " answered " + std::to_string(got->status) + " without JSON");
  return answer;
}

std::optional<json::object> Endpoint::expect(std::string_view method, const std::string& path,
                                             const json::value& body) const {
  const auto answer = ask(method, path, body);
  if (answer && answer->status == 200 && answer->body.is_object()) return answer->body.get_object();
  std::fprintf(stderr, "%s\n", printable(answer ? answer->refusal() : answer.error()).c_str());
  return std::nullopt;
}

void print_json(const json::value& value) {
  std::printf("%s\n", json::serialize(value).c_str());
  std::fflush(stdout);
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = find(object, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::uint64_t count_of(const json::object& object, std::string_view name) {
  const auto* value = find(object, name);
  if (value == nullptr) return 0;
  boost::system::error_code wrong;
  const auto count = value->to_number<std::uint64_t>(wrong);
  return wrong ? 0 : count;
}

double number_of(const json::object& object, std::string_view name) {
  const auto* value = find(object, name);
  if (value == nullptr) return 0;
  boost::system::error_code wrong;
  const auto number = value->to_number<double>(wrong);
  return wrong ? 0 : number;
}

bool flag_of(const json::object& object, std::string_view name) {
  const auto* value = find(object, name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::vector<json::object> list_of(const json::object& object, std::string_view name) {
  std::vector<json::object> out;
  const auto* value = find(object, name);
  if (value == nullptr || !value->is_array()) return out;
  for (const json::value& each : value->get_array()) {
    if (each.is_object()) out.push_back(each.get_object());
  }
  return out;
}

std::string joined(const json::object& object, std::string_view name) {
  const auto* value = find(object, name);
  if (value == nullptr || !value->is_array()) return {};
  std::string out;
  for (const json::value& each : value->get_array()) {
    if (each.is_string()) out += (out.empty() ? "" : ", ") + std::string(each.get_string());
  }
  return out;
}

std::string age_of(const json::object& object, std::string_view name) {
  const auto time = parse_rfc3339(text_of(object, name));
  if (!time) return {};
  return admin::age(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - *time));
}

}  // namespace roomgate::router::cli
