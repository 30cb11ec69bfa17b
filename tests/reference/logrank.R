# Log-rank tests by survival's survdiff, and by the score test of coxph for delayed entry; medians, restricted means
# and numbers at risk by survfit. Run with: Rscript tests/reference/logrank.R
# Uses veteran.csv, heart.csv and cgd.csv (survival.R), writes logrank.csv (from survival's lung) and logrank.json.
suppressMessages({library(survival); library(jsonlite)})
here <- "tests/reference"
veteran <- read.csv(file.path(here, "veteran.csv")); heart <- read.csv(file.path(here, "heart.csv"))
cgd <- read.csv(file.path(here, "cgd.csv"))
cgd$group <- paste(cgd$treat, cgd$inherit)
lung <- survival::lung[, c("time", "status", "sex", "ph.ecog", "inst")]
lung <- lung[complete.cases(lung), ]
lung$status <- lung$status - 1
names(lung)[4] <- "ecog"
write.csv(lung, file.path(here, "logrank.csv"), row.names = FALSE)

test <- function(fit) {
  total <- function(x) if (is.matrix(x)) rowSums(x) else x
  list(observed = total(fit$obs), expected = total(fit$exp), variance = fit$var, statistic = fit$chisq,
    df = length(fit$n) - 1, p_value = pchisq(fit$chisq, length(fit$n) - 1, lower.tail = FALSE))
}
# the exact partial likelihood's information at zero is the hypergeometric variance
score <- function(formula, data) suppressWarnings(coxph(formula, data, ties = "exact", iter = 0))$score
copies <- veteran[rep(seq_len(nrow(veteran)), veteran$w), ]
out <- list(
  versions = paste(R.version.string, "survival", packageVersion("survival")),
  "veteran trt" = test(survdiff(Surv(time, status) ~ trt, veteran)),
  "veteran celltype" = test(survdiff(Surv(time, status) ~ celltype, veteran)),
  "veteran celltype peto" = test(survdiff(Surv(time, status) ~ celltype, veteran, rho = 1)),
  "veteran celltype half" = test(survdiff(Surv(time, status) ~ celltype, veteran, rho = 0.5)),
  "veteran copies" = test(survdiff(Surv(time, status) ~ celltype, copies)),
  "lung strata" = test(survdiff(Surv(time, status) ~ sex + strata(ecog), lung)),
  "lung strata peto" = test(survdiff(Surv(time, status) ~ sex + strata(ecog), lung, rho = 1)),
  "lung two strata" = test(survdiff(Surv(time, status) ~ ecog + strata(sex, inst), lung)),
  "heart late" = score(Surv(start, stop, event) ~ transplant, heart),
  "heart late strata" = score(Surv(start, stop, event) ~ transplant + strata(surgery), heart),
  "cgd late" = score(Surv(tstart, tstop, status) ~ group, cgd)
)
quantiles <- function(fit) {
  q <- quantile(fit, c(0.25, 0.5, 0.75, 0.9))
  m <- summary(fit, rmean = 100)$table
  list(estimate = c(q$quantile), conf_low = c(q$lower), conf_high = c(q$upper), median = unname(m["median"]),
    median_low = unname(m[grep("LCL", names(m))]), median_high = unname(m[grep("UCL", names(m))]),
    mean = unname(m["rmean"]), mean_error = unname(m["se(rmean)"]))
}
flat <- data.frame(time = c(1, 2, 3, 4, 5, 6, 7, 8), status = c(1, 1, 1, 1, 0, 1, 0, 1))  # on 0.5 from 4 to 6
at <- function(fit, times) {
  s <- summary(fit, times = times)
  list(times = s$time, estimate = s$surv, std_error = s$std.err, conf_low = s$lower, conf_high = s$upper, at_risk = s$n.risk)
}
out$quantiles <- list(
  "veteran" = quantiles(survfit(Surv(time, status) ~ 1, veteran)),
  "veteran 90" = quantiles(survfit(Surv(time, status) ~ 1, veteran, conf.int = 0.9)),
  "veteran weights" = quantiles(survfit(Surv(time, status) ~ 1, veteran, weights = w)),
  "heart" = quantiles(survfit(Surv(start, stop, event) ~ 1, heart)),
  "flat" = quantiles(survfit(Surv(time, status) ~ 1, flat))
)
out$at <- list("veteran" = at(survfit(Surv(time, status) ~ 1, veteran), c(0, 10, 11.5, 100, 500)))
write_json(out, file.path(here, "logrank.json"), digits = I(17), auto_unbox = TRUE, na = "null")
