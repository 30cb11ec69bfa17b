# Reference numbers for tests/test_few_clusters.py and test_ols.py. Run with: Rscript tests/reference/few_clusters.R
# R's clubSandwich (CR2, Satterthwaite), brute-force refits (jackknife), lm with dummies (absorbed effects).
# Reads cgd.csv, cgd_periods.csv and veteran.csv of survival.R; writes few_clusters.json beside this file.
suppressMessages({library(survival); library(clubSandwich); library(sandwich)})
here <- "tests/reference"
number <- function(x) ifelse(is.na(x), "null", sprintf("%.17g", as.numeric(x)))
array <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
text <- function(x) paste0("\"", x, "\"")
object <- function(...) { parts <- list(...); paste0("{", paste0("\"", names(parts), "\":", parts, collapse = ","), "}") }
data <- function(name) read.csv(file.path(here, paste0(name, ".csv")), stringsAsFactors = TRUE)
cgd <- data("cgd"); periods <- data("cgd_periods"); veteran <- data("veteran")
veteran$celltype <- factor(veteran$celltype, c("squamous", "smallcell", "adeno", "large"))
periods$old <- as.integer(periods$age > 15)
# a tiny set of its own: six clusters, one of them a single row
tiny <- data.frame(g = c(1, 1, 1, 2, 2, 3, 4, 4, 4, 5, 5, 6, 6, 6), x = c(1, 2, 4, 3, 1, 5, 2, 2, 6, 7, 1, 3, 4, 8),
  y = c(2, 1, 5, 3, 2, 7, 1, 4, 6, 9, 0, 2, 5, 6), w = c(1, 2, 1, 3, 1, 2, 2, 1, 1, 1, 4, 2, 1, 1))
tiny$late <- c(0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1)
write.csv(tiny, file.path(here, "tiny_clusters.csv"), row.names = FALSE)

tight <- glm.control(epsilon = 1e-15, maxit = 100)
jack <- function(full, refit, cluster) {
  groups <- unique(cluster)
  gap <- sapply(groups, function(g) refit(cluster != g)[names(full)] - full)
  gap <- matrix(gap, ncol = length(groups))
  sqrt(diag((length(groups) - 1) / length(groups) * gap %*% t(gap)))
}
few <- function(name, fit, cluster, refit, ...) {
  cr2 <- vcovCR(fit, cluster = cluster, type = "CR2")
  test <- coef_test(fit, vcov = cr2, test = "Satterthwaite")
  object(name = text(name), coef = array(coef(fit)), std_error = array(sqrt(diag(vcov(fit)))), cr2 = array(sqrt(diag(cr2))),
    df = array(test$df_Satt), p_value = array(test$p_Satt), jackknife = array(jack(coef(fit), refit, cluster)), ...)
}
# glm stops when the deviance does, some digits before the coefficients do: go on from where it stopped
run_glm <- function(formula, family, frame) {
  environment(formula) <- environment()
  fit <- suppressWarnings(glm(formula, family, frame, weights = .w, control = tight))
  for (round in 1:20) { from <- coef(fit); fit <- suppressWarnings(glm(formula, family, frame, weights = .w, control = tight, start = from)) }
  fit
}
glm_case <- function(name, formula, frame, cluster, family, weights = 1) {
  frame$.w <- weights
  few(name, run_glm(formula, family, frame), cluster, function(keep) coef(run_glm(formula, family, frame[keep, ])))
}
run_lm <- function(formula, frame, weighted) {
  environment(formula) <- environment()
  if (weighted) lm(formula, frame, weights = w) else lm(formula, frame)
}
lm_case <- function(name, formula, frame, cluster, weighted = FALSE) {
  fit <- run_lm(formula, frame, weighted)
  errors <- function(...) array(sqrt(diag(vcovCL(fit, cluster = cluster, ...))))
  few(name, fit, cluster, function(keep) coef(run_lm(formula, droplevels(frame[keep, ]), weighted)),
    loglik = number(logLik(fit)), aic = number(AIC(fit)), sigma = number(summary(fit)$sigma), r_squared = number(summary(fit)$r.squared),
    p_model = array(summary(fit)$coefficients[, 4]), hc0 = array(sqrt(diag(vcovHC(fit, "HC0")))),
    cr0 = errors(type = "HC0", cadjust = FALSE), cr1s = errors(type = "HC1", cadjust = TRUE))
}
first <- veteran; first$g <- (seq_len(nrow(first)) - 1) %% 11; first$h <- (seq_len(nrow(first)) * 7) %% 5
cases <- c(
  lm_case("ols tiny", y ~ x, tiny, tiny$g),
  lm_case("ols tiny weights", y ~ x, tiny, tiny$g, TRUE),
  lm_case("ols veteran", time ~ karno + age + celltype, first, first$g),
  lm_case("ols veteran weights", time ~ karno + age + celltype, first, first$g, TRUE),
  lm_case("ols dummies nested", time ~ karno + age + factor(g), first, first$g),
  lm_case("ols dummies", time ~ karno + age + factor(h), first, first$g),
  lm_case("ols dummies weights", time ~ karno + age + factor(h), first, first$g, TRUE),
  lm_case("ols dummies two", time ~ karno + age + factor(h) + celltype, first, first$g),
  glm_case("logit tiny", late ~ x, tiny, tiny$g, binomial()),
  glm_case("logit veteran", late ~ karno + age + celltype, first, first$g, binomial()),
  glm_case("logit veteran weights", late ~ karno + age + celltype, first, first$g, binomial(), first$w),
  glm_case("logit coarse weights", status ~ treat + old, periods, periods$center, binomial(), periods$wt),
  glm_case("cloglog", status ~ factor(period) + treat + age, periods, periods$center, binomial("cloglog")),
  glm_case("hazard logit", status ~ factor(period) + treat + age, periods, periods$center, binomial())
)
control <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)
cox_formula <- Surv(tstart, tstop, status) ~ treat + sex + age + height + weight + inherit
cox_case <- function(name, formula, frame, cluster, ...) {
  run <- function(keep) coef(coxph(formula, frame[keep, ], control = control, ...))
  full <- run(rep(TRUE, nrow(frame)))
  object(name = text(name), coef = array(full), jackknife = array(jack(full, run, cluster)))
}
cox <- c(
  cox_case("cgd", cox_formula, cgd, cgd$center),
  cox_case("cgd breslow", cox_formula, cgd, cgd$center, ties = "breslow"),
  cox_case("veteran", Surv(time, status) ~ trt + celltype + karno + age, first, first$g)
)
versions <- paste(R.version.string, "clubSandwich", packageVersion("clubSandwich"), "survival", packageVersion("survival"))
writeLines(paste0("{\"versions\":", text(versions), ",\n\"few\":[\n", paste(cases, collapse = ",\n"), "],\n\"cox\":[\n",
  paste(cox, collapse = ",\n"), "]}"), file.path(here, "few_clusters.json"))
