// In the place of ipsec_mb_engine.cpp where the library was not there at build time.
#include "sfu/transport/srtp_cipher.hpp"

namespace roomgate::sfu::transport {

CipherEngine* multi_buffer_engine() { return nullptr; }

}  // namespace roomgate::sfu::transport
