#include "apps/troupectl/commands/added.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/json_line.hpp"
#include "apps/troupectl/progress.hpp"
#include "apps/troupectl/range_pages.hpp"

#include <ostream>

namespace troupe::ctl {

const std::vector<flag> export_flags{
  {"rev", flag_kind::integer, "0", "Specify the kv revision"},
};

namespace {

/// How long leases were granted for, as the server says; 0 for those that are gone.
class granted_ttls {
public:
  explicit granted_ttls(client& from) : from_(from) {}

  std::int64_t of(std::int64_t lease) {
    constexpr std::size_t most = 100'000; // asked again behind that
    if (known_.size() >= most)
      known_.clear();
    auto [at, is_new] = known_.try_emplace(lease, 0);
    if (is_new) {
      pb::LeaseTimeToLiveRequest request;
      request.set_id(lease);
      auto got = from_.call(request);
      at->second = got.ttl() < 0 ? 0 : got.grantedttl();
    }
    return at->second;
  }

private:
  client& from_;
  std::map<std::int64_t, std::int64_t> known_;
};

} // namespace

int export_keys(context& it) {
  if (it.arguments.size() > 1)
    throw command_failed(exit_bad_arguments, "export takes one prefix at most: export [PREFIX]");
  it.json_lines(); // either way it is JSON; other formats are refused
  auto wanted = range_of_prefix(it.arguments.empty() ? "" : it.arguments[0]);
  wanted.revision = it.flags().integer("rev");
  client from(bounded(it.connection()));
  range_pages pages(from, wanted);
  granted_ttls ttls(from);
  progress shown(it, "keys");
  bool all_base64 = it.flags().boolean("base64");
  std::int64_t count = 0;
  for (pb::RangeResponse page; pages.next(page);) {
    for (const auto& kv : page.kvs()) {
      exported_key one{kv.key(),          kv.value(),  kv.lease(), {}, kv.create_revision(),
                       kv.mod_revision(), kv.version()};
      if (kv.lease() != 0)
        one.ttl_seconds = ttls.of(kv.lease());
      it.out << json_line(one, all_base64) << '\n';
      ++count;
      if (!it.out_is_terminal)
        shown.update(count, pages.count());
    }
    it.check_output();
  }
  it.out.flush();
  it.check_output();
  shown.hide();
  it.err << "exported " << count << (count == 1 ? " key" : " keys") << " as of revision "
         << pages.revision() << '\n';
  return exit_success;
}

} // namespace troupe::ctl
