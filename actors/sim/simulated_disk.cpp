#include "actors/sim/simulated_disk.hpp"

#include "messages/ensure.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

namespace troupe::sim {

using storage::storage_error;

namespace {

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

[[noreturn]] void fail(const std::string& path, const char* what, errc code = errc::io_error) {
  throw storage_error{code, path + ": " + what};
}

/// Lays `piece` over `bytes` at `offset`; a hole before it becomes zeros.
void lay_over(std::string& bytes, std::uint64_t offset, std::string_view piece) {
  if (bytes.size() < offset + piece.size())
    bytes.resize(offset + piece.size(), '\0');
  std::copy(piece.begin(), piece.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

} // namespace

/// A file apart from its names.
struct simulated_disk::inode {
  struct sector_write {
    std::uint64_t offset = 0;
    std::string bytes; // within one sector
  };

  std::string visible;
  std::string durable;
  /// What leads from `durable` to `visible`, in order; less after a failed sync.
  std::vector<sector_write> unsynced;

  void write(std::uint64_t offset, std::string_view bytes) {
    lay_over(visible, offset, bytes);
    while (!bytes.empty()) {
      auto in_sector = std::min(bytes.size(), sector_bytes - offset % sector_bytes);
      unsynced.push_back({offset, std::string{bytes.substr(0, in_sector)}});
      offset += in_sector;
      bytes.remove_prefix(in_sector);
    }
  }

  void make_durable(const sector_write& x) {
    lay_over(durable, x.offset, x.bytes);
  }
};

struct simulated_disk::state {
  using names = std::map<std::string, std::shared_ptr<inode>>;

  /// One change of a directory; `to` is only used by a rename.
  struct name_change {
    disk_call kind{};
    std::string path;
    std::string to;
    std::shared_ptr<inode> created;
  };

  explicit state(std::uint64_t seed) : random(seed) {}

  std::mt19937_64 random;
  names visible;
  names durable;
  std::vector<name_change> unsynced;
  /// In the order of their creation, so that a crash draws in the same order in every run.
  std::vector<std::shared_ptr<inode>> inodes;
  std::set<std::string> directories;
  std::set<std::string> locks;
  bool frozen = false;
  /// Who opened a file or lock before the last crash has an older one.
  std::uint64_t life = 0;
  std::uint64_t calls = 0;
  std::uint64_t syncs = 0;
  std::optional<std::uint64_t> calls_to_fault;
  disk_fault fault = disk_fault::io_error;
  unsigned skipped_percent = 0;
  std::optional<disk_call> failed_call;

  bool percent(unsigned p) {
    return random() % 100 < p;
  }

  /// Counts a call. @returns whether it is the one to fail.
  bool is_faulty(disk_call kind, const std::string& path) {
    if (frozen)
      fail(path, "the disk is frozen");
    ++calls;
    if (!calls_to_fault || (*calls_to_fault)-- != 0)
      return false;
    calls_to_fault.reset();
    failed_call = kind;
    return true;
  }

  [[noreturn]] void fail_injected(const std::string& path) const {
    if (fault == disk_fault::disk_full)
      fail(path, "injected: no space left on device", errc::disk_full);
    fail(path, "injected: input/output error");
  }

  void begin(disk_call kind, const std::string& path) {
    if (is_faulty(kind, path))
      fail_injected(path);
  }

  void check_directory(const std::string& path) const {
    if (!directories.contains(path))
      fail(path, "no such directory");
  }

  inode& existing(const std::string& path) const {
    auto found = visible.find(path);
    if (found == visible.end())
      fail(path, "no such file");
    return *found->second;
  }

  static void apply(names& to, const name_change& change) {
    if (change.kind == disk_call::open) {
      to[change.path] = change.created;
      return;
    }
    auto found = to.find(change.path);
    if (found == to.end())
      return; // its creation was lost
    if (change.kind == disk_call::rename)
      to[change.to] = found->second;
    to.erase(change.path);
  }

  void change_names(name_change change) {
    apply(visible, change);
    unsynced.push_back(std::move(change));
  }

  void lose_sectors(unsigned kept_percent, unsigned flipped_bits) {
    std::vector<std::pair<inode*, inode::sector_write>> kept;
    std::vector<std::size_t> changing;
    for (const auto& node : inodes) {
      for (auto& x : std::exchange(node->unsynced, {})) {
        if (!percent(kept_percent))
          continue;
        if (node->durable.compare(std::min(x.offset, node->durable.size()), x.bytes.size(), x.bytes)
            != 0)
          changing.push_back(kept.size());
        kept.emplace_back(node.get(), std::move(x));
      }
    }
    for (; flipped_bits > 0 && !changing.empty(); --flipped_bits) {
      auto& bytes = kept[changing[random() % changing.size()]].second.bytes;
      bytes[random() % bytes.size()] ^= static_cast<char>(1U << random() % 8);
    }
    for (const auto& [node, x] : kept)
      node->make_durable(x);
    for (const auto& node : inodes)
      node->visible = node->durable;
  }

  void forget_nameless() {
    std::erase_if(inodes, [&](const auto& node) {
      return std::none_of(durable.begin(), durable.end(),
                          [&](const auto& named) { return named.second == node; });
    });
  }
};

class simulated_disk::handle final : public storage::file {
public:
  handle(std::shared_ptr<state> disk, std::string path, std::shared_ptr<inode> node)
      : disk_(std::move(disk)), life_(disk_->life), path_(std::move(path)), node_(std::move(node)) {
  }

  std::size_t read(std::uint64_t offset, std::span<std::byte> bytes) const override {
    begin(disk_call::read);
    const auto& content = node_->visible;
    if (offset >= content.size())
      return 0;
    auto n = std::min<std::uint64_t>(bytes.size(), content.size() - offset);
    std::memcpy(bytes.data(), content.data() + offset, n);
    return n;
  }

  void write_durable(std::uint64_t offset, std::span<const std::byte> bytes) override {
    check_alive();
    std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    if (disk_->is_faulty(disk_call::write, path_)) {
      node_->write(offset, text.substr(0, disk_->random() % (text.size() + 1)));
      disk_->fail_injected(path_);
    }
    node_->write(offset, text);
    sync();
  }

  std::uint64_t size() const override {
    begin(disk_call::size);
    return node_->visible.size();
  }

private:
  void sync() {
    if (disk_->is_faulty(disk_call::sync, path_)) {
      for (const auto& x : std::exchange(node_->unsynced, {}))
        if (disk_->percent(50))
          node_->make_durable(x);
      disk_->fail_injected(path_);
    }
    ++disk_->syncs;
    if (disk_->skipped_percent > 0 && disk_->percent(disk_->skipped_percent))
      return;
    for (const auto& x : std::exchange(node_->unsynced, {}))
      node_->make_durable(x);
  }

  void check_alive() const {
    if (life_ != disk_->life)
      fail(path_, "opened before the crash");
  }

  void begin(disk_call kind) const {
    check_alive();
    disk_->begin(kind, path_);
  }

  std::shared_ptr<state> disk_;
  std::uint64_t life_;
  std::string path_;
  std::shared_ptr<inode> node_;
};

class simulated_disk::lock final : public storage::directory_lock {
public:
  lock(std::shared_ptr<state> disk, std::string path)
      : disk_(std::move(disk)), life_(disk_->life), path_(std::move(path)) {}

  ~lock() override {
    if (life_ == disk_->life)
      disk_->locks.erase(path_);
  }

  lock(const lock&) = delete;
  lock& operator=(const lock&) = delete;

private:
  std::shared_ptr<state> disk_;
  std::uint64_t life_;
  std::string path_;
};

simulated_disk::simulated_disk(std::uint64_t seed) : state_(std::make_shared<state>(seed)) {}

simulated_disk::simulated_disk(simulated_disk&&) noexcept = default;
simulated_disk& simulated_disk::operator=(simulated_disk&&) noexcept = default;
simulated_disk::~simulated_disk() = default;

std::unique_ptr<storage::file> simulated_disk::open(const std::string& path,
                                                    storage::open_mode mode) {
  state_->begin(disk_call::open, path);
  state_->check_directory(directory_of(path));
  if (mode == storage::open_mode::create) {
    if (state_->visible.contains(path))
      fail(path, "file exists");
    state_->inodes.push_back(std::make_shared<inode>());
    state_->change_names({disk_call::open, path, {}, state_->inodes.back()});
  }
  state_->existing(path);
  return std::make_unique<handle>(state_, path, state_->visible.at(path));
}

void simulated_disk::rename(const std::string& from, const std::string& to) {
  state_->begin(disk_call::rename, from);
  state_->existing(from);
  ensure(directory_of(from) == directory_of(to), "a rename stays in its directory");
  state_->change_names({disk_call::rename, from, to, {}});
}

void simulated_disk::remove(const std::string& path) {
  state_->begin(disk_call::remove, path);
  state_->existing(path);
  state_->change_names({disk_call::remove, path, {}, {}});
}

std::vector<std::string> simulated_disk::list(const std::string& directory) const {
  state_->begin(disk_call::list, directory);
  state_->check_directory(directory);
  std::vector<std::string> result;
  for (const auto& [path, node] : state_->visible)
    if (directory_of(path) == directory)
      result.push_back(path.substr(directory.size() + 1));
  return result;
}

void simulated_disk::sync_directory(const std::string& directory) {
  state_->begin(disk_call::sync_directory, directory);
  state_->check_directory(directory);
  auto& unsynced = state_->unsynced;
  auto rest = std::stable_partition(unsynced.begin(), unsynced.end(), [&](const auto& x) {
    return directory_of(x.path) == directory;
  });
  for (auto x = unsynced.begin(); x != rest; ++x)
    state::apply(state_->durable, *x);
  unsynced.erase(unsynced.begin(), rest);
  ++state_->syncs;
}

void simulated_disk::make_directory(const std::string& path) {
  state_->begin(disk_call::make_directory, path);
  state_->directories.insert(path);
}

std::unique_ptr<storage::directory_lock>
simulated_disk::lock_directory(const std::string& directory) {
  state_->begin(disk_call::lock_directory, directory);
  state_->check_directory(directory);
  if (!state_->locks.insert(directory).second)
    fail(directory, "another node already uses this directory", errc::data_locked);
  return std::make_unique<lock>(state_, directory);
}

void simulated_disk::freeze() {
  state_->frozen = true;
}

void simulated_disk::thaw() {
  state_->locks.clear();
  state_->frozen = false;
  state_->calls_to_fault.reset();
  ++state_->life;
}

void simulated_disk::crash(const crash_options& options) {
  auto& disk = *state_;
  // All, none and anything between: each shows other mistakes.
  constexpr unsigned choices[] = {0, 10, 50, 90, 100};
  auto kept = options.kept_percent.value_or(choices[disk.random() % std::size(choices)]);
  for (const auto& change : std::exchange(disk.unsynced, {}))
    if (disk.percent(kept))
      state::apply(disk.durable, change);
  disk.visible = disk.durable;
  disk.lose_sectors(kept, options.flipped_bits);
  disk.forget_nameless();
  thaw();
}

std::uint64_t simulated_disk::calls() const {
  return state_->calls;
}

void simulated_disk::fail_after(std::optional<std::uint64_t> n, disk_fault fault) {
  state_->calls_to_fault = n;
  state_->fault = fault;
  state_->failed_call.reset();
}

void simulated_disk::skip_syncs(unsigned percent) {
  state_->skipped_percent = percent;
}

std::optional<disk_call> simulated_disk::failed_call() const {
  return state_->failed_call;
}

std::string simulated_disk::contents(const std::string& path) const {
  return state_->existing(path).visible;
}

void simulated_disk::set_contents(const std::string& path, std::string bytes) {
  auto node = std::make_shared<inode>();
  node->visible = node->durable = std::move(bytes);
  state_->inodes.push_back(node);
  state_->visible[path] = state_->durable[path] = node;
}

void simulated_disk::corrupt(const std::string& path, std::uint64_t offset, std::uint8_t mask) {
  auto& node = state_->existing(path);
  for (auto* bytes : {&node.visible, &node.durable})
    if (offset < bytes->size())
      (*bytes)[offset] ^= static_cast<char>(mask);
}

std::uint64_t simulated_disk::syncs() const {
  return state_->syncs;
}

} // namespace troupe::sim
