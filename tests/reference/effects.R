# Reference numbers for tests/test_margins.py and tests/test_contrasts.py.
# Run with: Rscript tests/reference/effects.R   (R's survival and multcomp packages)
# Reads the data sets that survival.R writes; writes effects.json beside this file.
# Margins are by hand: average predictions from model.matrix, gradients in closed form, delta method.
suppressMessages({library(survival); library(multcomp); library(jsonlite)})
here <- "tests/reference"
veteran <- read.csv(file.path(here, "veteran.csv"))
veteran$celltype <- factor(veteran$celltype, levels = sort(unique(veteran$celltype)))
cgd <- read.csv(file.path(here, "cgd.csv"))
periods <- read.csv(file.path(here, "cgd_periods.csv"))
periods$period <- factor(periods$period)
tight <- glm.control(epsilon = 1e-15, maxit = 100)
polished <- function(fit) { for (round in 1:20) { from <- coef(fit); fit <- suppressWarnings(update(fit, start = from)) }; fit }
control <- coxph.control(eps = 1e-14, toler.chol = 1e-14, iter.max = 50)

# average prediction and its gradient; mu.eta is the derivative of the inverse link
average <- function(fit, data, offset = 0) {
  X <- model.matrix(delete.response(terms(fit)), data, xlev = fit$xlevels)
  X <- X[, names(coef(fit)), drop = FALSE]
  eta <- as.numeric(X %*% coef(fit)) + offset
  list(mean = mean(fit$family$linkinv(eta)), gradient = colMeans(fit$family$mu.eta(eta) * X))
}
margins <- function(fit, low, high, V = vcov(fit), offset = 0) {
  a <- average(fit, low, offset); b <- average(fit, high, offset)
  odds <- function(p) p / (1 - p)
  value <- c(b$mean - a$mean, log(b$mean / a$mean), log(odds(b$mean) / odds(a$mean)))
  G <- rbind(b$gradient - a$gradient, b$gradient / b$mean - a$gradient / a$mean,
    b$gradient / (b$mean * (1 - b$mean)) - a$gradient / (a$mean * (1 - a$mean)))
  list(value = value, std_error = sqrt(diag(G %*% V %*% t(G))))
}
set <- function(data, name, value) { data[[name]] <- value; data }
level <- function(data, value) set(data, "celltype", factor(value, levels(data$celltype)))

logit <- polished(glm(late ~ karno * trt + I(age^2 / 1000) + age + celltype, binomial, veteran, control = tight))
cloglog <- polished(glm(status ~ period + age * treat + height + offset(log(exposure)), binomial(cloglog), periods, control = tight))
fisher <- function(fit) { X <- model.matrix(fit); m <- fit$family$linkinv(fit$linear.predictors); w <- fit$family$mu.eta(fit$linear.predictors)^2 / (m * (1 - m)); solve(t(X) %*% (w * X)) }
cox <- coxph(Surv(tstart, tstop, status) ~ age * treat + height, cgd, control = control)
X <- function(data) model.matrix(~ age * treat + height, data)[, -1]
hazard_ratio <- function(low, high) {
  d <- colMeans(X(high)) - colMeans(X(low))
  list(value = sum(d * coef(cox)), std_error = sqrt(as.numeric(d %*% vcov(cox) %*% d)))
}
results <- list(margins = list(
  step = margins(logit, veteran, set(veteran, "karno", veteran$karno + 1), fisher(logit)),
  sd = margins(logit, veteran, set(veteran, "karno", veteran$karno + sd(veteran$karno)), fisher(logit)),
  pair = margins(logit, set(veteran, "age", 40), set(veteran, "age", 60), fisher(logit)),
  large = margins(logit, level(veteran, "adeno"), level(veteran, "large"), fisher(logit)),
  smallcell = margins(logit, level(veteran, "adeno"), level(veteran, "smallcell"), fisher(logit)),
  hazard = margins(cloglog, periods, set(periods, "age", periods$age + 1), fisher(cloglog), log(periods$exposure)),
  cox_age = hazard_ratio(cgd, set(cgd, "age", cgd$age + 1)),
  cox_treat = hazard_ratio(set(cgd, "treat", factor("placebo", c("placebo", "treated"))), set(cgd, "treat", factor("treated", c("placebo", "treated"))))
))

# simultaneous inference: single-step p-values and intervals by multivariate normal or t integrals
# (Miwa's algorithm is exact to many digits but needs a normal with regular correlation; else Genz and Bretz, tight)
genz <- GenzBretz(maxpts = 5e5, abseps = 1e-6, releps = 0)
set.seed(1)
quantile_of <- function(model, K, algorithm) {
  test <- glht(model, linfct = K)
  V <- as.matrix(vcov(test)); s <- sqrt(diag(V)); R <- V / outer(s, s)
  t <- abs(coef(test)) / s
  coverage <- function(q) { set.seed(1); as.numeric(pmvt(rep(-q, nrow(K)), rep(q, nrow(K)), df = test$df, corr = R, algorithm = algorithm)) }
  critical <- uniroot(function(q) coverage(q) - 0.95, c(1.9, 5), tol = 1e-7)$root
  list(estimate = as.numeric(coef(test)), std_error = as.numeric(s), p_value = 1 - vapply(t, coverage, 0),
    critical = critical, covariance = unname(V), df = test$df)
}
tukey <- function(model, column, levels) {
  p <- length(coef(model)); names <- names(coef(model)); K <- NULL
  for (j in 2:length(levels)) for (i in 1:(j - 1)) {
    row <- numeric(p)
    if (i > 1) row[names == paste0(column, levels[i])] <- -1
    row[names == paste0(column, levels[j])] <- 1
    K <- rbind(K, row)
  }
  K
}
cells <- levels(veteran$celltype)
lm_fit <- lm(log(time) ~ celltype + karno, veteran)
cox_fit <- coxph(Surv(time, status) ~ celltype + karno + age, veteran, control = control)
rows <- function(model) { K <- diag(length(coef(model))); K[names(coef(model)) != "(Intercept)", , drop = FALSE] }
results$contrasts <- list(
  lm_dunnett = quantile_of(lm_fit, rows(lm_fit)[1:3, ], genz),
  lm_tukey = quantile_of(lm_fit, tukey(lm_fit, "celltype", cells), genz),
  cox_dunnett = quantile_of(cox_fit, rows(cox_fit)[1:3, ], Miwa(steps = 512)),
  cox_tukey = quantile_of(cox_fit, tukey(cox_fit, "celltype", cells), genz),
  cox_all = quantile_of(cox_fit, rows(cox_fit), Miwa(steps = 128)),
  logit_pairs = quantile_of(logit, tukey(logit, "celltype", cells)[1:3, ], genz)
)
# what glht itself reports, as a check of quantile_of
single <- function(model, K) { s <- summary(glht(model, linfct = K), test = adjusted("single-step", abseps = 1e-6, maxpts = 5e5)); as.numeric(s$test$pvalues) }
results$contrasts$lm_tukey$glht_p_value <- single(lm_fit, tukey(lm_fit, "celltype", cells))
results$contrasts$cox_tukey$glht_p_value <- single(cox_fit, tukey(cox_fit, "celltype", cells))
results$contrasts$cox_tukey$glht_critical <- attr(confint(glht(cox_fit, linfct = tukey(cox_fit, "celltype", cells)), abseps = 1e-6, maxpts = 5e5)$confint, "calpha")
results$contrasts$holm <- p.adjust(c(.01, .04, .03, .005, .2), "holm")
writeLines(toJSON(results, digits = NA, auto_unbox = TRUE, pretty = FALSE), file.path(here, "effects.json"))
