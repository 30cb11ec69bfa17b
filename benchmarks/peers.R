# R's answers on a csv: Rscript peers.R JOB FILE REPEATS. Prints seconds of the best run (the first is not counted
# where there are several), peak memory above the data, and coefficients and cluster errors of a tight fit, as JSON.
arguments <- commandArgs(TRUE)
job <- arguments[1]; repeats <- as.integer(arguments[3])
suppressMessages({library(survival); library(sandwich)})
d <- read.csv(arguments[2])
x <- paste0("x", 1:25, collapse = "+")
cox <- function(...) coxph(as.formula(paste("Surv(start, stop, event) ~", x)), d, cluster = caseworker, ...)
binomial_fit <- function(link, ...) {
  fit <- glm(as.formula(paste("event ~ factor(period) +", x)), binomial(link), d, ...)
  list(fit = fit, vcov = vcovCL(fit, ~ caseworker, type = "HC0", cadjust = FALSE))
}
# R's default takes the groups' block of the information for diagonal: errors differ, and with REML the variance.
shared <- function(law, eps = 1e-5, ...) coxph(as.formula(sprintf(
  "Surv(start, stop, event) ~ %s + frailty(caseworker, distribution = '%s', eps = %g)", x, law, eps)), d, ...)
once <- switch(job,
  "frailty gamma" = function(...) shared("gamma", ...),
  "frailty lognormal" = function(...) shared("gaussian", ...),
  cox = function() cox(ties = "efron"),
  logit = function() binomial_fit("logit"),
  cloglog = function() binomial_fit("cloglog"))
peak <- function(work) {
  status <- function(field) as.numeric(sub("\\D+(\\d+).*", "\\1", grep(field, readLines("/proc/self/status"), value = TRUE)))
  if (!file.exists("/proc/self/clear_refs")) { work(); return("null") }
  invisible(gc()); before <- status("VmRSS"); cat("5", file = "/proc/self/clear_refs"); work()
  sprintf("%.1f", (status("VmHWM") - before) / 1024)
}
memory <- peak(once)
taken <- c()
while (length(taken) < repeats || (repeats > 1 && sum(taken) < 2 && length(taken) < 30)) taken <- c(taken, system.time(once())["elapsed"])
seconds <- min(taken)
survival_job <- job == "cox" || startsWith(job, "frailty")
tight <- if (job == "cox") cox(control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 40)) else
  if (survival_job) once(eps = 1e-10, control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 60, outer.max = 50)) else
  binomial_fit(job, control = glm.control(epsilon = 1e-15, maxit = 100))
values <- if (survival_job) list(coef(tight), sqrt(diag(vcov(tight)))) else list(coef(tight$fit), sqrt(diag(tight$vcov)))
slopes <- lapply(values, function(v) tail(v, 25))
number <- function(v) paste(sprintf("%.17g", v), collapse = ",")
cat(sprintf('{"seconds":%.6f,"runs":%d,"peak_mb":%s,"version":"R %s, survival %s, sandwich %s","coef":[%s],"std_error":[%s]}\n', seconds,
  length(taken), memory, getRversion(), packageVersion("survival"), packageVersion("sandwich"), number(slopes[[1]]), number(slopes[[2]])))
