# Cumulative incidence from two cause-specific Cox models (survival's multi-state coxph and survfit).
# Run with: Rscript tests/reference/incidence.R; writes incidence.csv and incidence.json beside this file.
suppressMessages(library(survival))
set.seed(11)
n <- 300
x <- sample(1:5, n, TRUE)
job <- rexp(n, 0.05 * 1.4^x / 52); other <- rexp(n, 0.15 / 52)
weeks <- pmin(ceiling(pmin(job, other)), 80)
exit <- ifelse(weeks >= 80, "censored", ifelse(job < other, "job", "other"))
d <- data.frame(weeks, exit, x)
write.csv(d, "tests/reference/incidence.csv", row.names = FALSE)
d$exit <- factor(d$exit, c("censored", "job", "other"))
fit <- coxph(Surv(weeks, exit) ~ x, d, id = seq_len(n), ties = "breslow", control = coxph.control(eps = 1e-13))
at <- c(1, 3, 5)
curve <- survfit(fit, newdata = data.frame(x = at))
row <- max(which(curve$time <= 52))
job <- curve$pstate[row, , which(curve$states == "job")]
writeLines(paste0('{"versions":"', R.version.string, ' survival ', packageVersion("survival"), '","x":[', paste(at, collapse = ","),
  '],"job":[', paste(sprintf("%.17g", job), collapse = ","), "]}"), "tests/reference/incidence.json")
