#include "messages/type_ids.hpp"

#include "messages/subscription.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/message.hpp>

namespace troupe {

void register_messages(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::troupe>();
  auto render = [](std::uint8_t code, caf::atom_value, const caf::message& context) {
    auto text = to_string(static_cast<errc>(code));
    return context.empty() ? text : text + ": " + caf::to_string(context);
  };
  config.add_error_category(caf::atom("troupe"), render);
}

} // namespace troupe
