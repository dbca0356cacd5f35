#include "actors/metrics/measured_storage.hpp"

#include <utility>

namespace troupe::metrics {

namespace {

class measured_file : public storage::file {
public:
  measured_file(std::unique_ptr<storage::file> inner, meter with)
      : inner_(std::move(inner)), meter_(std::move(with)) {}

  std::size_t read(std::uint64_t offset, std::span<std::byte> bytes) const override {
    return inner_->read(offset, bytes);
  }

  void write_durable(std::uint64_t offset, std::span<const std::byte> bytes) override {
    auto start = meter_.now();
    inner_->write_durable(offset, bytes);
    meter_->storage.sync_duration.observe(meter_.since(start));
    meter_->storage.bytes_written.add(bytes.size());
  }

  std::uint64_t size() const override {
    return inner_->size();
  }

private:
  std::unique_ptr<storage::file> inner_;
  meter meter_;
};

class measured_file_system : public storage::file_system {
public:
  measured_file_system(std::shared_ptr<storage::file_system> inner, meter with)
      : inner_(std::move(inner)), meter_(std::move(with)) {}

  std::unique_ptr<storage::file> open(const std::string& path, storage::open_mode mode) override {
    return std::make_unique<measured_file>(inner_->open(path, mode), meter_);
  }

  void rename(const std::string& from, const std::string& to) override {
    inner_->rename(from, to);
  }

  void remove(const std::string& path) override {
    inner_->remove(path);
  }

  std::vector<std::string> list(const std::string& directory) const override {
    return inner_->list(directory);
  }

  void sync_directory(const std::string& directory) override {
    inner_->sync_directory(directory);
  }

  void make_directory(const std::string& path) override {
    inner_->make_directory(path);
  }

  std::unique_ptr<storage::directory_lock> lock_directory(const std::string& directory) override {
    return inner_->lock_directory(directory);
  }

private:
  std::shared_ptr<storage::file_system> inner_;
  meter meter_;
};

} // namespace

std::shared_ptr<storage::file_system> measure(std::shared_ptr<storage::file_system> files,
                                              meter with) {
  return std::make_shared<measured_file_system>(std::move(files), std::move(with));
}

} // namespace troupe::metrics
