#pragma once

#include <caf/execution_unit.hpp>
#include <caf/ref_counted.hpp>
#include <caf/resumable.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace troupe::watch {

/// Actors that are woken together and run one behind the other, as one job of the scheduler: they
/// pass its queue, which all workers share, once and not once each. Give the train as execution
/// unit to whatever wakes them, then let it leave. Whom they wake by their own context runs behind
/// them in the same train, after all of them; whoever is woken after that is left to the scheduler.
class job_train : public caf::ref_counted, public caf::resumable, public caf::execution_unit {
public:
  /// @param token is let go of when all have run.
  job_train(caf::actor_system& system, std::shared_ptr<const void> token);

  /// Jobs that have not run are given up as the scheduler gives up its own.
  ~job_train() override;

  /// Hands the train to `context`. Nothing is added from outside afterwards.
  void leave(caf::execution_unit& context);

  void exec_later(caf::resumable* job) override;

  resume_result resume(caf::execution_unit* context, std::size_t max_throughput) override;

  void intrusive_ptr_add_ref_impl() override {
    ref();
  }

  void intrusive_ptr_release_impl() override {
    deref();
  }

private:
  void run(caf::resumable* job, caf::execution_unit& context, std::size_t max_throughput);

  std::shared_ptr<const void> token_;
  /// Each holds a reference.
  std::vector<caf::resumable*> jobs_;
  std::size_t done_ = 0;
  /// While those run that were woken from within; where whoever they wake goes.
  caf::execution_unit* beyond_ = nullptr;
};

} // namespace troupe::watch
