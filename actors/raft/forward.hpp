#pragma once

#include <caf/actor_cast.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/message.hpp>
#include <caf/message_id.hpp>
#include <utility>

namespace troupe::raft {

/// Sends `what` on as a one-way message.
template <class Self, class Handle>
void forward(Self* self, const Handle& to, caf::message what) {
  caf::actor_cast<caf::strong_actor_ptr>(to)->enqueue(nullptr, caf::make_message_id(),
                                                      std::move(what), self->context());
}

/// Sends the present one-way message on to `to`. Its content is moved, never copied: the handler's
/// argument is empty afterwards.
template <class Self, class Handle>
void forward_current(Self* self, const Handle& to) {
  forward(self, to, self->current_mailbox_element()->move_content_to_message());
}

} // namespace troupe::raft
