#include "apps/troupectl/commands/deleting.hpp"

#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/go_json.hpp"
#include "apps/troupectl/range_pages.hpp"

#include <istream>
#include <ostream>

namespace troupe::ctl {

int show_deletion(context& it, const pb::DeleteRangeRequest& request) {
  bool json = it.json_lines();
  range_pages pages(it.client(),
                    {.key = request.key(), .end = request.range_end(), .keys_only = true});
  std::int64_t count = 0;
  for (pb::RangeResponse page; pages.next(page);) {
    for (const auto& kv : page.kvs()) {
      if (json)
        it.out << "{\"key\":" << go::json_bytes(kv.key(), it.form()) << "}\n";
      else
        it.out << (it.out_is_terminal ? it.shown(kv.key()) : kv.key()) << '\n';
    }
    count += page.kvs_size();
    it.check_output();
  }
  it.err << count << (count == 1 ? " key" : " keys") << " would be deleted\n";
  return exit_success;
}

bool can_be_asked(const context& it) {
  return it.in_is_terminal && !it.how.as_etcdctl() && !it.flags().boolean("yes");
}

void ask_before_deleting(context& it, const pb::DeleteRangeRequest& request) {
  pb::RangeRequest first;
  first.set_key(request.key());
  first.set_range_end(request.range_end());
  first.set_keys_only(true);
  first.set_limit(1);
  auto got = it.client().call(first);
  if (got.count() <= 1)
    return;
  it.err << "This deletes " << got.count() << " keys, the first of them "
         << go::quote(got.kvs(0).key()) << ". Go on? [y/N] " << std::flush;
  std::string answer;
  std::getline(it.in, answer);
  if (answer != "y" && answer != "Y" && answer != "yes")
    throw command_failed(exit_error, "nothing is deleted");
}

} // namespace troupe::ctl
