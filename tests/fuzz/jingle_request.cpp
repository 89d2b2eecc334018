// A client's Jingle IQ, from text to sources: whatever is taken must also be writable, in both encodings.
#include <cstdint>
#include <cstdlib>

#include "base/bytes.hpp"
#include "sfu/focus/jingle_answer.hpp"
#include "sfu/focus/jingle_offer.hpp"
#include "sfu/focus/sources.hpp"
#include "sfu/xmpp/parser.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::focus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string endpoint = "aaaaaaaa";
  const auto iq = xmpp::parse_stanza(as_text({data, size}));
  if (!iq) return 0;
  const xmpp::Element* jingle = iq->child("jingle", kJingleNs);
  if (jingle == nullptr) return 0;
  (void)action_of(jingle->attribute_or("action", ""));
  (void)parse_session_terminate(*jingle);
  (void)parse_session_info(*jingle);
  const auto accept = parse_session_accept(*jingle, endpoint);
  if (accept && (accept->ufrag.empty() || accept->pwd.empty() || accept->fingerprint.value.empty()))
    std::abort();
  const auto raw = parse_source_change(*jingle, endpoint);
  if (!raw) return 0;
  const Limits limits;
  ConferenceSources conference(limits);
  if (!conference.add(endpoint, *raw)) return 0;
  const AnnouncedByOwner told = {{endpoint, *conference.announced(endpoint)}};
  for (const SourceEncoding encoding : {SourceEncoding::json, SourceEncoding::xml}) {
    const auto text = source_change(SourceAction::add, "s", "r@m", told, encoding).serialize();
    const auto again = xmpp::parse_stanza(text);
    if (!again) std::abort();
    const auto back = parse_source_change(*again, endpoint);
    if (!back || !assemble(*back, endpoint, {})) std::abort();
  }
  if (!conference.remove(endpoint, *raw) || conference.size() != 0) std::abort();
  return 0;
}
