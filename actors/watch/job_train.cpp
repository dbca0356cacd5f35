#include "actors/watch/job_train.hpp"

#include <caf/logger.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <thread>
#include <utility>

namespace troupe::watch {

job_train::job_train(caf::actor_system& system, std::shared_ptr<const void> token)
    : caf::execution_unit(&system), token_(std::move(token)) {}

job_train::~job_train() {
  for (; done_ < jobs_.size(); ++done_)
    caf::scheduler::abstract_coordinator::cleanup_and_release(jobs_[done_]);
}

void job_train::leave(caf::execution_unit& context) {
  if (jobs_.empty())
    return;
  ref();
  context.exec_later(this);
}

void job_train::exec_later(caf::resumable* job) {
  if (beyond_)
    beyond_->exec_later(job);
  else
    jobs_.push_back(job);
}

caf::resumable::resume_result job_train::resume(caf::execution_unit* context,
                                                std::size_t max_throughput) {
  // For its log, which nobody reads here, CAF notes under a lock who runs.
  caf::logger::set_current_actor_system(nullptr);
  for (const auto first_ones = jobs_.size(); done_ < first_ones;)
    run(jobs_[done_++], *context, max_throughput);
  beyond_ = context;
  while (done_ < jobs_.size())
    run(jobs_[done_++], *context, max_throughput);
  caf::logger::set_current_actor_system(&context->system());
  token_.reset();
  // Linux lets a thread that woke up wait for 3 ms behind one that computes, and a put passes
  // several threads: here is where they may have the CPU.
  std::this_thread::yield();
  return done;
}

void job_train::run(caf::resumable* job, caf::execution_unit& context, std::size_t max_throughput) {
  // The scheduler's own reference to the job goes on to it, or ends here.
  if (job->resume(this, max_throughput) == resume_later)
    context.exec_later(job);
  else
    caf::intrusive_ptr_release(job);
}

} // namespace troupe::watch
