// The bridge's side of the bridge channel: what clients say becomes commands for workers, what workers report
// becomes JSON for clients, in the vocabulary of each (shard.md 16).
#include <algorithm>

#include "sfu/bridge/bridge.hpp"

namespace roomgate::sfu::bridge {

void Bridge::on(ChannelOpened& m) {
  EndpointRecord* endpoint = find_endpoint(m.conference, m.endpoint);
  if (endpoint == nullptr) return;
  endpoint->channel_open = true;
  greet(conference_of(*endpoint), *endpoint);
}

void Bridge::on(ChannelClosed& m) {
  EndpointRecord* endpoint = find_endpoint(m.conference, m.endpoint);
  if (endpoint != nullptr) endpoint->channel_open = false;
}

void Bridge::on(ChannelFrame& m) {
  EndpointRecord* from = find_endpoint(m.conference, m.endpoint);
  if (from == nullptr) return;
  auto message = parse_channel_message(m.text, from->id, config_.limits.channel);
  if (!message) {
    (message.error() == ChannelError::unknown_class ? metrics_.channel_unknown : metrics_.channel_bad)->add();
    return;
  }
  metrics_.channel_messages->add();
  on_channel(conference_of(*from), *from, std::move(*message));
}

void Bridge::on_channel(ConferenceRecord& conference, EndpointRecord& from, FromClient&& message) {
  if (auto* constraints = std::get_if<ReceiverVideoConstraints>(&message)) {
    to_worker(from.worker, SetConstraints{from.key, std::move(*constraints)});
  } else if (const auto* last_n = std::get_if<LastNChanged>(&message)) {
    to_worker(from.worker, SetConstraints{from.key, ReceiverVideoConstraints{.last_n = last_n->last_n}});
  } else if (const auto* type = std::get_if<VideoTypeChanged>(&message)) {
    for (Source& source : from.sources) {
      if (source.media != Media::video || (!type->source.empty() && source.name != type->source)) continue;
      source.video_type = type->type;
      to_parts(conference, SetVideoType{conference.key, from.key, source.name, type->type});
      break;  // names are unique, and without one the first video source is meant
    }
  } else if (auto* audio = std::get_if<ReceiverAudioSubscription>(&message)) {
    to_worker(from.worker, SetAudioSubscription{from.key, std::move(*audio)});
  } else if (const auto* relayed = std::get_if<Relayed>(&message)) {
    relay(conference, from, *relayed);
  } else if (std::holds_alternative<ClientHello>(message)) {
    to_channel(from, server_hello(config_.version));
  }
}

void Bridge::relay(const ConferenceRecord& conference, const EndpointRecord& from, const Relayed& message) {
  metrics_.channel_relayed->add();
  if (message.to.empty()) return to_all_channels(conference, message.text, from.key);
  const auto to = conference.endpoints.find(message.to);
  if (to != conference.endpoints.end() && to->second != from.key)
    to_channel(*endpoints_.at(to->second), message.text);
}

// A channel that opens, or opens again, is told everything that holds now.
void Bridge::greet(const ConferenceRecord& conference, EndpointRecord& endpoint) {
  to_channel(endpoint, server_hello(config_.version));
  if (!conference.speakers.empty()) to_channel(endpoint, speaker_text(conference));
  if (!endpoint.forwarded.empty() || !endpoint.suspended.empty()) send_forwarded(endpoint);
  for (const auto& [source, height] : endpoint.heights) send_height(endpoint, source, height);
  for (const Media media : {Media::audio, Media::video}) {
    endpoint.map_of(media).written = 0;  // it may be another socket, of a client that forgot
    if (endpoint.map_of(media).map != 0) send_map(endpoint, media);
  }
}

// While the channel is closed the worker waits, and says it again.
void Bridge::send_map(EndpointRecord& endpoint, Media media) {
  if (!endpoint.channel_open) return;
  EndpointRecord::SourcesMap& map = endpoint.map_of(media);
  if (map.written < map.map) to_channel(endpoint, sources_map(media, map.sources));
  map.written = map.map;
  maps_pending_.push_back({endpoint.key, media, map.map});
}

void Bridge::send_forwarded(EndpointRecord& endpoint) {
  to_channel(endpoint, endpoint.features.source_names
                           ? forwarded_sources(endpoint.forwarded, endpoint.suspended)
                           : last_n_endpoints_changed(endpoint.forwarded_endpoints));
}

void Bridge::send_height(EndpointRecord& endpoint, const std::string& source, int height) {
  if (endpoint.features.source_names) return to_channel(endpoint, sender_source_constraints(source, height));
  // Such a client has one video; its message names none, and knows no "as much as you can".
  constexpr int kFullHeight = 2160;
  to_channel(endpoint, sender_video_constraints(height < 0 ? kFullHeight : height));
}

std::string Bridge::speaker_text(const ConferenceRecord& conference) const {
  std::vector<std::string> previous;
  for (std::size_t i = 1;
       i < conference.speakers.size() && previous.size() < config_.limits.max_previous_speakers; ++i) {
    previous.push_back(endpoints_.at(conference.speakers[i])->id);
  }
  return dominant_speaker_changed(endpoints_.at(conference.speakers.front())->id, previous,
                                  conference.silence);
}

void Bridge::to_channel(const EndpointRecord& endpoint, std::string text) {
  if (!endpoint.channel_open) return;
  emit(ChannelFrame{conferences_.at(endpoint.conference)->id, endpoint.id, std::move(text)});
}

void Bridge::to_all_channels(const ConferenceRecord& conference, const std::string& text,
                             EndpointKey except) {
  for (const auto& [id, key] : conference.endpoints) {
    if (key != except) to_channel(*endpoints_.at(key), text);
  }
}

}  // namespace roomgate::sfu::bridge
