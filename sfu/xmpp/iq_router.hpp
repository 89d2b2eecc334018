// IQs that the domain itself answers: ping, disco with the deployment's identities, external services,
// session. Every get and set has an answer, whatever it is (jitsi-signalling 12.9). Pure; any thread.
#pragma once

#include <cstdint>

#include "sfu/xmpp/element.hpp"
#include "sfu/xmpp/types.hpp"

namespace roomgate::sfu::xmpp {

// `iq` is a get or set, with an id.
Element answer_domain_iq(const Element& iq, const Config& config, std::int64_t unix_milliseconds);

}  // namespace roomgate::sfu::xmpp
