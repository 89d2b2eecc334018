#include "base/dns/resolver.hpp"

#include <ares.h>
#include <poll.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/log.hpp"
#include "base/net/waiter.hpp"

namespace roomgate::dns {

using net::Task;

namespace {

constexpr int kClassInternet = 1;
constexpr int kTypeSrv = 33;
constexpr int kUdpBytes = 1232;     // no fragments on any usual path (DNS flag day 2020)
constexpr int kRoundsPerTurn = 32;  // of reading, before others get their turn
constexpr std::uint16_t kDnsPort = 53;

// An open question; c-ares may answer it when nobody waits any more.
struct Question {
  virtual ~Question() = default;
  net::Waiter* listener = nullptr;
};

template <class Answer>
struct QuestionFor final : Question {
  std::optional<Result<Answer, DnsError>> answer;
};

DnsError error_of(int status) {
  switch (status) {
    case ARES_ENOTFOUND: return DnsError::no_such_name;
    case ARES_ENODATA: return DnsError::no_data;
    case ARES_EREFUSED: return DnsError::refused;
    case ARES_ESERVFAIL:
    case ARES_EFORMERR:
    case ARES_ENOTIMP: return DnsError::server_failed;
    case ARES_EBADRESP: return DnsError::malformed;
    case ARES_ETIMEOUT: return DnsError::timed_out;
    case ARES_ECONNREFUSED: return DnsError::unreachable;
    case ARES_EBADNAME:
    case ARES_EBADQUERY:
    case ARES_EBADSTR: return DnsError::bad_name;
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED: return DnsError::cancelled;
    default: return DnsError::system;
  }
}

// c-ares wants a port with every address, and none of its own idea of the text.
std::string servers_csv(const std::vector<std::string>& servers) {
  std::string csv;
  for (const std::string& server : servers) {
    const auto address = Address::parse(server, kDnsPort);
    if (!address) continue;
    if (!csv.empty()) csv += ',';
    csv += address->to_string();
  }
  return csv;
}

Result<HostAnswer, DnsError> host_answer(const ares_addrinfo& found, std::size_t max_addresses) {
  HostAnswer answer;
  int ttl = 0x7fffffff;
  for (const auto* node = found.nodes; node != nullptr; node = node->ai_next) {
    const auto address = Address::from_sockaddr(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen));
    if (!address) continue;
    if (answer.addresses.size() == max_addresses) return fail(DnsError::too_large);
    answer.addresses.push_back(address->with_port(0));
    ttl = std::min(ttl, node->ai_ttl);
  }
  if (answer.addresses.empty()) return fail(DnsError::no_data);
  for (const auto* alias = found.cnames; alias != nullptr; alias = alias->next)
    ttl = std::min(ttl, alias->ttl);
  answer.ttl = seconds(std::max(ttl, 0));
  return answer;
}

// Both halves of a host's addresses as one answer.
Result<HostAnswer, DnsError> merge(const Result<HostAnswer, DnsError>& v4,
                                   const Result<HostAnswer, DnsError>& v6) {
  if (!v4 && !v6) return fail(means_none(v4.error()) ? v6.error() : v4.error());
  HostAnswer both;
  both.ttl = Duration::max();
  for (const auto* half : {&v4, &v6}) {
    if (*half) {
      const HostAnswer& found = half->value();
      both.addresses.insert(both.addresses.end(), found.addresses.begin(), found.addresses.end());
      both.ttl = std::min(both.ttl, found.ttl);
    } else if (!means_none(half->error())) {
      both.whole = false;
    }
  }
  const auto by_text = [](const Address& a, const Address& b) { return a.ip() < b.ip(); };
  std::sort(both.addresses.begin(), both.addresses.end(), by_text);
  both.addresses.erase(std::unique(both.addresses.begin(), both.addresses.end()), both.addresses.end());
  return both;
}

// While somebody waits; takes itself back when the coroutine is destroyed where it waits.
class Listening {
 public:
  Listening(Question& question, net::Waiter& waiter) : question_(question) { question.listener = &waiter; }
  ~Listening() { question_.listener = nullptr; }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  Question& question_;
};

// Of the resolver it touches nothing: that may be gone by then.
template <class Answer>
Task<Result<Answer, DnsError>> answer_to(net::Core& core, std::shared_ptr<QuestionFor<Answer>> question,
                                         TimePoint deadline) {
  net::Waiter waiter(core);
  const Listening listening(*question, waiter);
  if (!question->answer) (void)co_await waiter.wait(deadline);
  if (!question->answer) co_return fail(DnsError::timed_out);
  co_return std::move(*question->answer);
}

}  // namespace

// c-ares' channel. It opens and closes sockets as it likes and says so; a few at a time, so that any event
// looks at all of them.
struct Resolver::Channel final : net::Core::Watcher, net::Turn, TimerWheel::Timer {
  Channel(net::Core& on, const Options& options, const Limits& bounds) : core(on), limits(bounds) {
    static const int ready = ares_library_init(ARES_LIB_INIT_ALL);
    ares_options wanted{};
    wanted.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
    wanted.timeout = static_cast<int>(std::chrono::ceil<milliseconds>(options.timeout).count());
    wanted.tries = static_cast<int>(options.tries);
    wanted.ednspsz = kUdpBytes;
    char dns_only[] = "b";
    wanted.lookups = dns_only;
    wanted.sock_state_cb = on_socket;
    wanted.sock_state_cb_data = this;
    const int status =
        ready != ARES_SUCCESS
            ? ready
            : ares_init_options(&ares, &wanted,
                                ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                                    ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
      ares = nullptr;
      LOG(error, "dns_unusable", {"error", ares_strerror(status)});
      return;
    }
    const std::string servers = servers_csv(options.servers);
    if (!servers.empty()) ares_set_servers_ports_csv(ares, servers.c_str());
  }

  ~Channel() override {
    // Every open question is answered with `cancelled` here, and every socket given back.
    if (ares != nullptr) ares_destroy(ares);
  }

  std::size_t server_count() const {
    ares_addr_port_node* servers = nullptr;
    if (ares == nullptr || ares_get_servers_ports(ares, &servers) != ARES_SUCCESS) return 1;
    std::size_t count = 0;
    for (const auto* server = servers; server != nullptr; server = server->next) ++count;
    ares_free_data(servers);
    return std::max<std::size_t>(count, 1);
  }

  template <class Answer>
  std::shared_ptr<QuestionFor<Answer>> open() {
    auto question = std::make_shared<QuestionFor<Answer>>();
    if (ares == nullptr) {
      question->answer = fail(DnsError::system);
    } else if (questions.size() >= limits.open_questions) {
      question->answer = fail(DnsError::busy);
    } else {
      questions[question.get()] = {this, question};
    }
    return question;
  }

  std::shared_ptr<QuestionFor<SrvAnswer>> ask_srv(const std::string& name) {
    auto question = open<SrvAnswer>();
    if (question->answer) return question;
    ares_query(ares, name.c_str(), kClassInternet, kTypeSrv, on_srv, &questions[question.get()]);
    settle();
    return question;
  }

  std::shared_ptr<QuestionFor<HostAnswer>> ask_host(const std::string& host, int family) {
    auto question = open<HostAnswer>();
    if (question->answer) return question;
    ares_addrinfo_hints hints{};
    hints.ai_family = family;
    // Sorted by c-ares they would be tried by connecting sockets to each.
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(ares, host.c_str(), nullptr, &hints, on_host, &questions[question.get()]);
    settle();
    return question;
  }

  // What c-ares gets as `arg`.
  struct Open {
    Channel* channel = nullptr;
    std::shared_ptr<Question> question;
  };

  template <class Answer>
  static void conclude(void* arg, Result<Answer, DnsError> answer) {
    auto* open = static_cast<Open*>(arg);
    const auto question = std::static_pointer_cast<QuestionFor<Answer>>(open->question);
    open->channel->questions.erase(question.get());
    question->answer = std::move(answer);
    // Never from inside of c-ares: whoever waits goes on at the end of the turn.
    if (question->listener != nullptr) question->listener->wake({});
  }

  static void on_srv(void* arg, int status, int, unsigned char* bytes, int size) noexcept {
    const Limits& limits = static_cast<Open*>(arg)->channel->limits;
    // The bytes tell more than the status: which of "nothing there" it was, and by which alias.
    if (bytes != nullptr && size > 0) {
      conclude(arg, parse_srv_answer({bytes, static_cast<std::size_t>(size)}, limits.srv));
    } else {
      conclude<SrvAnswer>(arg, fail(status == ARES_SUCCESS ? DnsError::malformed : error_of(status)));
    }
  }

  static void on_host(void* arg, int status, int, ares_addrinfo* found) noexcept {
    const Limits& limits = static_cast<Open*>(arg)->channel->limits;
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(found, ares_freeaddrinfo);
    if (status == ARES_SUCCESS && found != nullptr) {
      conclude(arg, host_answer(*found, limits.addresses));
    } else {
      conclude<HostAnswer>(arg, fail(status == ARES_SUCCESS ? DnsError::no_data : error_of(status)));
    }
  }

  // Before a socket is closed both are 0.
  static void on_socket(void* data, ares_socket_t socket, int readable, int writable) noexcept {
    auto& channel = *static_cast<Channel*>(data);
    const auto known = channel.sockets.find(socket);
    if (readable == 0 && writable == 0) {
      if (known == channel.sockets.end()) return;
      channel.core.unwatch(socket);
      channel.sockets.erase(known);
      return;
    }
    const auto wants = static_cast<short>((readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0));
    if (known == channel.sockets.end() && !channel.core.watch(socket, channel)) return;
    channel.sockets[socket] = wants;
    // It may be writable already: no event would say so.
    if (writable != 0) channel.look_again();
  }

  void on_events(std::uint32_t) override { process(); }
  void on_turn() override { process(); }
  void on_expire() override {
    ares_process_fd(ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    settle();
  }

  void look_again() {
    if (!Turn::is_linked()) core.soon(*this);
  }

  // Events say only that something has changed, once; and c-ares reads a piece at a time. So: until no socket
  // has anything left.
  void process() {
    for (int round = 0; round < kRoundsPerTurn; ++round) {
      std::vector<pollfd> polled;
      for (const auto& [socket, wants] : sockets) polled.push_back({socket, wants, 0});
      if (polled.empty() || ::poll(polled.data(), polled.size(), 0) <= 0) return settle();
      for (const pollfd& each : polled) {
        const auto known = sockets.find(each.fd);  // what was done for one may have closed another
        if (each.revents == 0 || known == sockets.end()) continue;
        // An error is told by trying.
        const bool broken = (each.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
        const bool read = broken || (each.revents & POLLIN) != 0;
        const bool write = (each.revents & POLLOUT) != 0 || (broken && (known->second & POLLOUT) != 0);
        ares_process_fd(ares, read ? each.fd : ARES_SOCKET_BAD, write ? each.fd : ARES_SOCKET_BAD);
      }
    }
    look_again();
    settle();
  }

  // After anything c-ares did: when it wants to be called if nothing comes.
  void settle() {
    timeval room{};
    const timeval* left = ares_timeout(ares, nullptr, &room);
    if (left == nullptr) return Timer::cancel();
    core.schedule(*this, Clock::now() + seconds(left->tv_sec) + microseconds(left->tv_usec));
  }

  net::Core& core;
  Limits limits;
  ares_channel ares = nullptr;
  std::map<ares_socket_t, short> sockets;  // and what each waits for
  std::map<const Question*, Open> questions;
};

Resolver::Resolver(net::Core& core, const Options& options, Limits limits)
    : core_(core), limits_(limits), channel_(std::make_unique<Channel>(core, options, limits)) {
  // c-ares doubles a timeout at each round.
  const auto rounds = (1U << std::min(options.tries, 10U)) - 1;
  deadline_ = std::min<Duration>(
      options.timeout * static_cast<int>(rounds * std::min<std::size_t>(channel_->server_count(), 16)),
      limits.longest);
}

Resolver::~Resolver() = default;

Task<Result<SrvAnswer, DnsError>> Resolver::srv(std::string name) {
  const TimePoint deadline = Clock::now() + deadline_;
  auto question = channel_->ask_srv(name);
  auto answer = co_await answer_to(core_, std::move(question), deadline);
  co_return answer;
}

Task<Result<HostAnswer, DnsError>> Resolver::addresses(std::string host) {
  if (const auto literal = Address::from_ip(host, 0)) {
    HostAnswer itself;
    itself.addresses.push_back(*literal);
    itself.ttl = limits_.longest;
    co_return itself;
  }
  const TimePoint deadline = Clock::now() + deadline_;
  net::Core& core = core_;
  // Two questions, not one of c-ares' for both: it would not tell that one of them failed, and addresses
  // that were not told about would look as if they had gone.
  auto ask_v4 = channel_->ask_host(host, AF_INET);
  auto ask_v6 = channel_->ask_host(host, AF_INET6);
  auto v4 = co_await answer_to(core, std::move(ask_v4), deadline);
  auto v6 = co_await answer_to(core, std::move(ask_v6), deadline);
  co_return merge(v4, v6);
}

}  // namespace roomgate::dns
