// One TCP connection with a peer, dialled or accepted, plain or in TLS, and the Session on it: the only file
// of peers-sync with a socket. What the session has to say in a turn of the core leaves in one write at the
// turn's end, so an answer goes in the turn in which it was decided. Kept alive by its own coroutines; known
// to the mesh, its core's thread.
//
//   connecting -> TLS -> speaking -> ended        ended() is the last that the owner hears
//                         |  `-> retiring: what was said goes out, then our side ends; theirs is read to its end
//                         `-> close(): at once, and the owner hears nothing more
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/net/stream.hpp"
#include "peers-sync/mesh/tls.hpp"
#include "peers-sync/session.hpp"

namespace roomgate::peers_sync::mesh {

class Link final : public std::enable_shared_from_this<Link>,
                   private Session::Listener,
                   private net::Turn,
                   private TimerWheel::Timer {
 public:
  enum class End : std::uint8_t {
    none,
    refused,      // nobody listens there
    unreachable,  // or no answer in time
    tls,          // no handshake, or another's certificate
    rejected,     // by a status of the peer's
    closed,       // by the peer or by the session, which says why()
    stalled,      // it took nothing of what we said
  };

  // Must not destroy the link from inside, but may close() or retire() it.
  class Owner {
   public:
    // Whether to let in who has said hello; nullopt: closed without a word, so that it comes again.
    virtual std::optional<codec::Status> judge(Link& link, const Session::Peer& peer) = 0;
    // Who it is follows: recognised(), for a gate, or taken_for_haproxy(), which a gate may still correct.
    virtual void opened(Link& link, const Session::Peer& peer) = 0;
    virtual void recognised(Link& link, const Session::Peer& gate) = 0;
    virtual void taken_for_haproxy(Link& link) = 0;
    virtual bool packet(Link& link, std::uint8_t type, ByteView body) = 0;  // false: malformed
    virtual void ended(Link& link) = 0;

   protected:
    ~Owner() = default;
  };

  struct Limits {
    Duration connect = seconds(1);
    Duration tls = seconds(5);
    Duration stall = seconds(8);    // of a peer that takes no byte
    Duration retire = seconds(1);   // until a session that another has replaced is cut
    Duration linger = seconds(1);   // for the peer to take a last word
    std::size_t lingered = 65'536;  // bytes of it that are read meanwhile
    std::size_t reads_at_once = 8;  // and writes; then others get their turn
  };

  struct Parts {
    net::Core& core;
    Owner& owner;
    haproxy::Tables& tables;
    std::shared_ptr<const TlsContext> tls;  // null: plain
    Session::Options session;
    Limits limits;
  };

  static std::shared_ptr<Link> dial(Parts parts, const Address& to);
  // A connection that was accepted: the descriptor is the link's from now on.
  static std::shared_ptr<Link> take(Parts parts, int descriptor, const Address& from);
  // Only for the two above.
  Link(Parts parts, const Address& address, std::unique_ptr<net::Stream> stream);
  ~Link() override;

  // To a gate. Dropped where nobody is there to read it, which ended() says, or has said.
  void send(std::uint8_t type, std::string_view body);
  void push();    // haproxy::Tables has news
  void retire();  // another session has this one's work
  void close();

  bool dialled() const { return dialled_; }
  bool open() const { return session_ != nullptr && session_->open() && !over_; }
  bool retiring() const { return retiring_; }
  const Address& address() const { return address_; }
  TimePoint begin() const { return begin_; }
  const std::string& peer_name() const;  // whom we dialled, or who said hello
  std::size_t unsent() const;            // bytes that the peer has still to take
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }
  End end() const { return end_; }
  const std::string& why() const { return why_; }               // it ended, for people
  std::optional<unsigned> refused() const { return refused_; }  // by which status
  const Session* session() const { return session_.get(); }     // null: not yet
  bool shows(const std::string& name) const;                    // its certificate; true when plain

 private:
  codec::Status judge(const Session::Peer& peer) override;
  void opened(const Session::Peer& peer) override;
  void recognised(const Session::Peer& gate) override;
  bool packet(std::uint8_t type, ByteView body) override;
  void on_turn() override;  // writes
  struct Again final : net::Turn {
    explicit Again(Link& of) : link(of) {}
    void on_turn() override { link.go_on(); }
    Link& link;
  };
  void on_expire() override;  // the session's deadlines, and those of ends

  static net::Task<void> run(std::shared_ptr<Link> self);
  net::Task<bool> connect();
  net::Task<bool> secure();
  net::Task<void> read();
  net::Task<void> linger();
  static net::Task<void> write_rest(std::shared_ptr<Link> self);

  void begin_session();
  template <class Call>
  void with_session(Call call);
  void heard();  // the session has heard something, or seen the time
  void speak();  // at the end of this turn
  void go_on();  // with what the session had no turn for
  void session_ended();
  void finish(End end, std::string why);
  void write_some();
  void set_timer();

  net::Core& core_;
  Owner* owner_;
  haproxy::Tables& tables_;
  std::shared_ptr<const TlsContext> tls_;
  Session::Options options_;
  Limits limits_;
  Address address_;
  TimePoint begin_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<Session> session_;
  std::string waiting_;  // taken out of the session, on its way by write_rest
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  TimePoint cut_ = TimePoint::max();
  Again again_{*this};
  const bool dialled_;
  bool haproxy_told_ = false;
  bool in_session_ = false;  // which must not be destroyed then
  bool writing_ = false;
  bool retiring_ = false;
  bool said_end_ = false;
  bool silenced_ = false;  // nothing of what the session says goes out
  bool over_ = false;
  End end_ = End::none;
  std::string why_;
  std::optional<unsigned> refused_;
};

std::string_view to_string(Link::End end);

}  // namespace roomgate::peers_sync::mesh
