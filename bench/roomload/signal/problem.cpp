#include "bench/roomload/signal/problem.hpp"

namespace roomgate::bench::roomload::signal {

std::string_view to_string(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::name: return "name";
    case ProblemKind::refused: return "refused";
    case ProblemKind::unreachable: return "unreachable";
    case ProblemKind::tls: return "tls";
    case ProblemKind::not_jitsi: return "not-jitsi";
    case ProblemKind::not_allowed: return "not-allowed";
    case ProblemKind::full: return "full";
    case ProblemKind::ice: return "ice";
    case ProblemKind::dtls: return "dtls";
    case ProblemKind::lost: return "lost";
    case ProblemKind::protocol: return "protocol";
    case ProblemKind::local: return "local";
  }
  return "protocol";
}

}  // namespace roomgate::bench::roomload::signal
