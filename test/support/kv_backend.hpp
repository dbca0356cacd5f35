#pragma once

#include "storage/memory_engine.hpp"
#include "storage/mvcc/store.hpp"
#include "test/support/model_store.hpp"

#include <cstdint>
#include <memory>

namespace troupe::test {

/// A store as the rules of KV see it, so that their tests run on the model and on the real one.
class kv_backend {
public:
  virtual ~kv_backend() = default;

  /// One transaction at a time; what it wrote is visible to snapshots after `commit`.
  virtual std::unique_ptr<mvcc::write_txn> begin() = 0;
  virtual void commit() = 0;
  virtual std::shared_ptr<const mvcc::source> snapshot() = 0;

  /// Forgets what lies below `revision`, without any checks.
  virtual void compact(std::int64_t revision) = 0;
};

class model_backend : public kv_backend {
public:
  std::unique_ptr<mvcc::write_txn> begin() override {
    return std::make_unique<model_txn>(state_);
  }

  void commit() override {}

  std::shared_ptr<const mvcc::source> snapshot() override {
    return std::make_shared<model_snapshot>(std::make_shared<model_state>(*state_));
  }

  void compact(std::int64_t revision) override {
    state_->compacted = revision;
  }

private:
  std::shared_ptr<model_state> state_ = std::make_shared<model_state>();
};

/// The real store on the memory engine.
class store_backend : public kv_backend {
public:
  std::unique_ptr<mvcc::write_txn> begin() override {
    return store_.begin();
  }

  void commit() override {
    applied_ = applied_ + 1;
    store_.commit({term_t{1}, applied_});
  }

  std::shared_ptr<const mvcc::source> snapshot() override {
    return store_.snapshot();
  }

  void compact(std::int64_t revision) override {
    store_.compact(revision);
    commit();
  }

private:
  storage::memory_disk disk_;
  storage::memory_engine engine_{disk_, "store"};
  mvcc::store store_{engine_};
  log_index applied_{0};
};

} // namespace troupe::test
